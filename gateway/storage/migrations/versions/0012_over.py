"""What is followed for a route that is gone is found by the day it is over, to be ended."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FOLLOWED = sa.text("state = 'following'")


def upgrade() -> None:
    op.create_index("ix_follow_expires_at", "follow", ["expires_at"], sqlite_where=FOLLOWED, postgresql_where=FOLLOWED)


def downgrade() -> None:
    op.drop_index("ix_follow_expires_at", "follow")
