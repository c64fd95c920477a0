"""Work is claimed with a lease, by one of many processes; what only one may do at a time has a lease of its own."""

import sqlalchemy as sa
from alembic import op

from gateway.storage.migrations.losing import refuse_to_lose

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WORK = ("message_in", "message_out", "follow_up", "follow")


def _number(name: str, value: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=str(value))


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(96), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
    )
    op.create_table(
        "pace",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("rests_until", sa.DateTime),
    )
    for name in WORK:
        op.add_column(name, _number("fence"))
        op.add_column(name, _number("cut_off"))
        op.add_column(name, sa.Column("leased_until", sa.Double, nullable=False, server_default="0"))

    op.add_column("message_in", sa.Column("text_tag", sa.String(32)))
    op.add_column("message_in", sa.Column("due_at", sa.DateTime))
    op.execute("UPDATE message_in SET due_at = received_at")
    with op.batch_alter_table("message_in") as table:
        table.alter_column("due_at", existing_type=sa.DateTime(), nullable=False)
    op.create_index("ix_message_in_msisdn_tag", "message_in", ["msisdn_tag", "state"])

    op.add_column("message_out", _number("priority"))
    op.add_column("message_out", _number("parts", 1))
    op.add_column("message_out", sa.Column("attempt", sa.String(8)))
    op.execute("UPDATE message_out SET priority = 2 WHERE cause LIKE 'follow:%'")
    op.execute("UPDATE message_out SET priority = 1 WHERE cause LIKE 'follow_up:%'")
    op.drop_index("ix_message_out_due", "message_out")
    op.create_index("ix_message_out_due", "message_out", ["state", "channel", "priority", "due_at"])
    op.drop_index("ix_message_out_msisdn_tag", "message_out")
    op.create_index("ix_message_out_msisdn_tag", "message_out", ["msisdn_tag", "channel", "state"])

    op.add_column("follow", _number("tries"))

    # A receipt that is repeated is the same receipt: the newest of each stays.
    said = "channel, provider_id, msisdn_tag, fate, reason"
    op.execute(f"DELETE FROM receipt WHERE id NOT IN (SELECT max(id) FROM receipt GROUP BY {said})")  # noqa: S608  # our own words
    op.create_index("uq_receipt", "receipt", said.split(", "), unique=True)


def downgrade() -> None:
    refuse_to_lose("message_out", "attempt")  # the rest can be told from what stays
    op.drop_index("uq_receipt", "receipt")
    op.drop_index("ix_message_out_msisdn_tag", "message_out")
    op.create_index("ix_message_out_msisdn_tag", "message_out", ["msisdn_tag", "channel"])
    op.drop_index("ix_message_out_due", "message_out")
    op.create_index("ix_message_out_due", "message_out", ["state", "due_at"])
    op.drop_index("ix_message_in_msisdn_tag", "message_in")
    more = {
        "message_in": ("text_tag", "due_at"),
        "message_out": ("priority", "parts", "attempt"),
        "follow_up": (),
        "follow": ("tries",),
    }
    for name in WORK:
        with op.batch_alter_table(name) as table:
            for column in ("fence", "cut_off", "leased_until", *more[name]):
                table.drop_column(column)
    op.drop_table("pace")
    op.drop_table("lease")
