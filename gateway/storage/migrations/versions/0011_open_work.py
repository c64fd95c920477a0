"""What is open is found by indexes of what is open alone, however many rows are done; and old rows by their age."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UNKNOWN_END = "state = 'sent' AND (fate IS NULL OR fate = 'pending')"


def _partly(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.drop_index("ix_message_in_state", "message_in")
    op.drop_index("ix_message_in_msisdn_tag", "message_in")
    _partly("ix_message_in_open", "message_in", ["id"], "state = 'new'")
    _partly("ix_message_in_open_msisdn_tag", "message_in", ["msisdn_tag"], "state = 'new'")
    op.create_index("ix_message_in_msisdn_tag", "message_in", ["msisdn_tag", "text_tag"])

    op.drop_index("ix_message_out_due", "message_out")
    op.drop_index("ix_message_out_msisdn_tag", "message_out")
    _partly("ix_message_out_open", "message_out", ["channel", "priority", "due_at", "id"], "state = 'waiting'")
    _partly("ix_message_out_open_msisdn_tag", "message_out", ["msisdn_tag", "channel"], "state = 'waiting'")
    _partly("ix_message_out_unknown_end", "message_out", ["channel", "sent_at"], UNKNOWN_END)
    op.create_index("ix_message_out_msisdn_tag", "message_out", ["msisdn_tag", "channel"])
    op.create_index("ix_message_out_provider_id", "message_out", ["provider_id", "channel"])

    op.drop_index("ix_follow_up_due", "follow_up")
    _partly("ix_follow_up_open", "follow_up", ["due_at", "id"], "state = 'waiting'")
    _partly("ix_follow_up_open_msisdn_tag", "follow_up", ["msisdn_tag"], "state = 'waiting'")

    op.drop_index("ix_follow_due", "follow")
    _partly("ix_follow_open", "follow", ["route", "due_at", "id"], "state = 'following'")
    _partly("ix_follow_over", "follow", ["due_at"], "state != 'following'")
    op.create_index("ix_menu_version_published_at", "menu_version", ["published_at"])


def downgrade() -> None:
    op.drop_index("ix_menu_version_published_at", "menu_version")
    op.drop_index("ix_follow_over", "follow")
    op.drop_index("ix_follow_open", "follow")
    op.create_index("ix_follow_due", "follow", ["state", "route", "due_at"])
    op.drop_index("ix_follow_up_open_msisdn_tag", "follow_up")
    op.drop_index("ix_follow_up_open", "follow_up")
    op.create_index("ix_follow_up_due", "follow_up", ["state", "due_at"])
    op.drop_index("ix_message_out_provider_id", "message_out")
    op.drop_index("ix_message_out_msisdn_tag", "message_out")
    op.drop_index("ix_message_out_unknown_end", "message_out")
    op.drop_index("ix_message_out_open_msisdn_tag", "message_out")
    op.drop_index("ix_message_out_open", "message_out")
    op.create_index("ix_message_out_msisdn_tag", "message_out", ["msisdn_tag", "channel", "state"])
    op.create_index("ix_message_out_due", "message_out", ["state", "channel", "priority", "due_at"])
    op.drop_index("ix_message_in_msisdn_tag", "message_in")
    op.drop_index("ix_message_in_open_msisdn_tag", "message_in")
    op.drop_index("ix_message_in_open", "message_in")
    op.create_index("ix_message_in_msisdn_tag", "message_in", ["msisdn_tag", "state"])
    op.create_index("ix_message_in_state", "message_in", ["state", "id"])
