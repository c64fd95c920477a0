"""What an office announces a case by is found by an index, however many are followed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("follow") as table:
        table.add_column(sa.Column("number_tag", sa.String(32)))
        table.add_column(sa.Column("asked_tag", sa.String(32)))
    # One or two tags with a blank between, in no order that says which is which; both are looked for alike.
    op.execute(
        "UPDATE follow SET number_tag = substr(number_tags, 1, 32),"
        " asked_tag = substr(number_tags, length(number_tags) - 31)"
    )
    with op.batch_alter_table("follow") as table:
        table.alter_column("number_tag", existing_type=sa.String(32), nullable=False)
        table.alter_column("asked_tag", existing_type=sa.String(32), nullable=False)
        table.drop_column("number_tags")
    op.create_index("ix_follow_number_tag", "follow", ["number_tag", "state"])
    op.create_index("ix_follow_asked_tag", "follow", ["asked_tag", "state"])


def downgrade() -> None:
    with op.batch_alter_table("follow") as table:
        table.add_column(sa.Column("number_tags", sa.String(80)))
    op.execute("UPDATE follow SET number_tags = number_tag || ' ' || asked_tag")
    op.drop_index("ix_follow_number_tag", "follow")
    op.drop_index("ix_follow_asked_tag", "follow")
    with op.batch_alter_table("follow") as table:
        table.alter_column("number_tags", existing_type=sa.String(80), nullable=False)
        table.drop_column("number_tag")
        table.drop_column("asked_tag")
