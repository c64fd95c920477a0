"""Receipts of messages that were sent, and parts of long ones that come."""

import sqlalchemy as sa
from alembic import op

from gateway.storage.migrations.losing import refuse_to_lose

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("message_out", sa.Column("fate", sa.String(16)))
    op.add_column("message_out", sa.Column("reported_at", sa.DateTime))
    op.create_index("ix_message_out_msisdn_tag", "message_out", ["msisdn_tag", "channel"])
    op.create_table(
        "receipt",
        sa.Column("id", ID, primary_key=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("provider_id", sa.String(160), nullable=False),
        sa.Column("msisdn_tag", sa.String(32), nullable=False),
        sa.Column("fate", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_receipt_msisdn_tag", "receipt", ["msisdn_tag", "channel"])
    op.create_table(
        "message_part",
        sa.Column("id", ID, primary_key=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("msisdn", sa.LargeBinary, nullable=False),
        sa.Column("msisdn_tag", sa.String(32), nullable=False),
        sa.Column("short_code", sa.String(32), nullable=False),
        sa.Column("message_key", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("data_coding", sa.Integer, nullable=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.UniqueConstraint("channel", "msisdn_tag", "message_key", "number", name="uq_message_part_number"),
    )
    op.create_index("ix_message_part_received_at", "message_part", ["received_at"])


def downgrade() -> None:
    refuse_to_lose("message_part")
    refuse_to_lose("receipt")
    refuse_to_lose("message_out", "fate", "reported_at")
    op.drop_table("message_part")
    op.drop_table("receipt")
    op.drop_index("ix_message_out_msisdn_tag", "message_out")
    with op.batch_alter_table("message_out") as table:
        table.drop_column("reported_at")
        table.drop_column("fate")
