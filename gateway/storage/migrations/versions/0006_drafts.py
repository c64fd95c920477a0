"""Menus that single phones try before they are published."""

import sqlalchemy as sa
from alembic import op

from gateway.storage.migrations.losing import refuse_to_lose

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "menu_draft",
        sa.Column("msisdn_tag", sa.String(32), primary_key=True),
        sa.Column("hash", sa.String(64), sa.ForeignKey("menu_version.hash"), nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    refuse_to_lose("menu_draft")
    op.drop_table("menu_draft")
