"""Messages in and out, follow-ups, conversations, languages. Numbers and texts are sealed from the first row on."""

import sqlalchemy as sa
from alembic import op

from gateway.storage.migrations.losing import refuse_to_lose

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "message_in",
        sa.Column("id", ID, primary_key=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(160), nullable=False),
        sa.Column("msisdn", sa.LargeBinary, nullable=False),
        sa.Column("msisdn_tag", sa.String(32), nullable=False),
        sa.Column("short_code", sa.String(32), nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(64)),
        sa.Column("done_at", sa.DateTime),
        sa.UniqueConstraint("channel", "provider_id", name="uq_message_in_provider_id"),
    )
    op.create_index("ix_message_in_state", "message_in", ["state", "id"])
    op.create_table(
        "message_out",
        sa.Column("id", ID, primary_key=True),
        sa.Column("cause", sa.String(96), nullable=False, unique=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("msisdn", sa.LargeBinary, nullable=False),
        sa.Column("msisdn_tag", sa.String(32), nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("doubts", sa.Integer, nullable=False),
        sa.Column("provider_id", sa.String(160)),
        sa.Column("reason", sa.String(128)),
        sa.Column("sent_at", sa.DateTime),
    )
    op.create_index("ix_message_out_due", "message_out", ["state", "due_at"])
    op.create_table(
        "follow_up",
        sa.Column("id", ID, primary_key=True),
        sa.Column("cause", sa.String(96), nullable=False, unique=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("msisdn", sa.LargeBinary, nullable=False),
        sa.Column("msisdn_tag", sa.String(32), nullable=False),
        sa.Column("question_tag", sa.String(32), nullable=False),
        sa.Column("dialogue", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
    )
    op.create_index("ix_follow_up_due", "follow_up", ["state", "due_at"])
    op.create_index("ix_follow_up_question_tag", "follow_up", ["question_tag", "state"])
    op.create_table(
        "conversation",
        sa.Column("channel", sa.String(64), primary_key=True),
        sa.Column("msisdn_tag", sa.String(32), primary_key=True),
        sa.Column("dialogue", sa.LargeBinary, nullable=False),
        sa.Column("held", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_conversation_expires_at", "conversation", ["expires_at"])
    op.create_table(
        "phone",
        sa.Column("msisdn_tag", sa.String(32), primary_key=True),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    for table in ("phone", "conversation", "follow_up", "message_out", "message_in"):
        refuse_to_lose(table)
        op.drop_table(table)
