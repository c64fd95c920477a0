"""Opinions on how cases were handled."""

import sqlalchemy as sa
from alembic import op

from gateway.storage.migrations.losing import refuse_to_lose

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rating",
        sa.Column("opinion_tag", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("score", sa.Integer, nullable=False),
        sa.Column("rated_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_rating_organisation", "rating", ["organisation", "kind", "rated_at"])


def downgrade() -> None:
    refuse_to_lose("rating")
    op.drop_table("rating")
