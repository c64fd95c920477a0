"""The line a citizen called by, and what may be shown on it before an SMS is sent."""

import sqlalchemy as sa
from alembic import op

from gateway.storage.migrations.losing import refuse_to_lose

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message_out", sa.Column("push_by", sa.String(64)))
    op.add_column("message_out", sa.Column("push_text", sa.LargeBinary))
    op.add_column("follow_up", sa.Column("line", sa.String(64)))
    op.add_column("follow", sa.Column("line", sa.String(64)))


def downgrade() -> None:
    refuse_to_lose("message_out", "push_text")
    for table in ("follow", "follow_up"):
        refuse_to_lose(table, "line")
        with op.batch_alter_table(table) as altered:
            altered.drop_column("line")
    with op.batch_alter_table("message_out") as altered:
        altered.drop_column("push_text")
        altered.drop_column("push_by")
