"""What people wrote is not lost by going back to an earlier release."""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError


def refuse_to_lose(table: str, *columns: str) -> None:
    """Raises CommandError when there are rows in this table, or values in these columns of it: the release that is gone
    back to has no place for them."""
    rows = sa.table(table, *(sa.column(name) for name in columns))
    wanted = sa.select(sa.literal(1)).select_from(rows).limit(1)
    if columns:
        wanted = wanted.where(sa.or_(*(rows.c[name].is_not(None) for name in columns)))
    if op.get_bind().execute(wanted).first() is not None:
        what = (
            f"what stands in {', '.join(f'{table}.{name}' for name in columns)}" if columns else f"the rows of {table}"
        )
        raise CommandError(f"{what} would be lost")
