"""Cases that citizens follow; and answers that are kept for the next dial of whom they were promised to."""

import sqlalchemy as sa
from alembic import op

from gateway.storage.migrations.losing import refuse_to_lose

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    for name, kind in (
        ("answer", sa.LargeBinary),
        ("answer_held", sa.LargeBinary),
        ("answered_at", sa.DateTime),
        ("seen_at", sa.DateTime),
    ):
        op.add_column("follow_up", sa.Column(name, kind))
    op.create_index("ix_follow_up_msisdn_tag", "follow_up", ["msisdn_tag", "state"])
    op.create_table(
        "follow",
        sa.Column("id", ID, primary_key=True),
        sa.Column("follow_tag", sa.String(32), nullable=False, unique=True),
        sa.Column("case_tag", sa.String(32), nullable=False),
        sa.Column("number_tags", sa.String(80), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("msisdn", sa.LargeBinary, nullable=False),
        sa.Column("msisdn_tag", sa.String(32), nullable=False),
        sa.Column("route", sa.String(64), nullable=False),
        sa.Column("dialogue", sa.LargeBinary, nullable=False),
        sa.Column("seen", sa.String(48), nullable=False),
        sa.Column("notices", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("told_at", sa.DateTime),
        sa.Column("state", sa.String(16), nullable=False),
    )
    op.create_index("ix_follow_due", "follow", ["state", "route", "due_at"])
    op.create_index("ix_follow_msisdn_tag", "follow", ["msisdn_tag", "state"])


def downgrade() -> None:
    refuse_to_lose("follow")
    refuse_to_lose("follow_up", "answer", "answer_held", "answered_at", "seen_at")
    op.drop_table("follow")
    op.drop_index("ix_follow_up_msisdn_tag", "follow_up")
    with op.batch_alter_table("follow_up") as table:
        for name in ("answer", "answer_held", "answered_at", "seen_at"):
            table.drop_column(name)
