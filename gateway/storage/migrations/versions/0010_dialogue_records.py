"""A row a dialogue: what became of it. A conversation by SMS keeps what its row is made of."""

import sqlalchemy as sa
from alembic import op

from gateway.storage.migrations.losing import refuse_to_lose

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversation", sa.Column("trail", sa.LargeBinary))
    op.create_table(
        "dialogue_record",
        sa.Column("dialogue", sa.String(48), primary_key=True),
        sa.Column("wire", sa.String(8), primary_key=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("msisdn_tag", sa.String(32), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("menu", sa.String(64), nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("screens", sa.Text, nullable=False),
        sa.Column("last_screen", sa.Text, nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("slowest_ms", sa.Integer, nullable=False),
    )
    op.create_index("ix_dialogue_record_ended_at", "dialogue_record", ["ended_at"])


def downgrade() -> None:
    refuse_to_lose("dialogue_record")
    op.drop_table("dialogue_record")
    with op.batch_alter_table("conversation") as table:
        table.drop_column("trail")
