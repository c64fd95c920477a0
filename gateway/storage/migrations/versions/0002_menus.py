"""Menus by content hash, and what was published when. They name nobody, so nothing of them is sealed."""

import sqlalchemy as sa
from alembic import op

from gateway.storage.migrations.losing import refuse_to_lose

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "menu_version",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("published_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "menu_publication",
        sa.Column("id", ID, primary_key=True),
        sa.Column("hash", sa.String(64), sa.ForeignKey("menu_version.hash"), nullable=False),
        sa.Column("published_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    for table in ("menu_publication", "menu_version"):
        refuse_to_lose(table)
        op.drop_table(table)
