"""The secretariat's letters as a database that the office lets us read: a view `letters_status`, a table of referrals.

config/backends files of `kind: sql` read it; docs/backends.md has one. Dates are Jalali texts, as such offices keep
them. SQLite and PostgreSQL.
"""

import re
from collections.abc import Iterable

from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, text
from sqlalchemy.ext.asyncio import create_async_engine

from simulators.offices.data import Letter
from simulators.offices.days import jalali

METADATA = MetaData()

LETTERS = Table(
    "letters",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("letter_no", String, nullable=False),
    Column("parts_sorted", String, nullable=False, index=True),
    Column("organisation", String),
    Column("register_year", Integer),
    Column("subject", String),
    Column("state", String),
    Column("state_date", String),
    Column("deadline", String),
    Column("reply_number", String),
    Column("confidentiality", String),
    Column("phone", String),
    Column("receipt_code", String, index=True),
)
REFERRALS = Table(
    "referrals",
    METADATA,
    Column("letter_id", ForeignKey("letters.id"), primary_key=True),
    Column("refer_order", Integer, primary_key=True),
    Column("receiver_unit", String, nullable=False),
    Column("send_date", String),
)
VIEW = """
    CREATE VIEW letters_status AS
    SELECT letters.*, (
        SELECT receiver_unit FROM referrals WHERE letter_id = letters.id ORDER BY refer_order DESC LIMIT 1
    ) AS receiver_unit
    FROM letters
"""


async def fill(url: str, letters: Iterable[Letter]) -> None:
    """Make the office's tables and view at this address, with these letters in them."""
    engine = create_async_engine(url)
    register = list(enumerate(letters, start=1))
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.execute(text(VIEW))
        await connection.execute(LETTERS.insert(), [_row(number, letter) for number, letter in register])
        await connection.execute(
            REFERRALS.insert(),
            [
                {"letter_id": number, "refer_order": order, "receiver_unit": desk, "send_date": jalali(day)}
                for number, letter in register
                for order, (desk, day) in enumerate(letter.referrals, start=1)
            ],
        )
    await engine.dispose()


def sorted_parts(number: str) -> str:
    """The parts of a number in the order of their texts, without leading zeros: `1396/220/54321`. A right-to-left
    screen shows them in either order, so this is what is asked for when the number as typed is not there."""
    return "/".join(sorted(part.lstrip("0") or "0" for part in re.findall(r"\w+", number)))


def _row(number: int, letter: Letter) -> dict[str, object]:
    return {
        "id": number,
        "letter_no": letter.number,
        "parts_sorted": sorted_parts(letter.number),
        "organisation": letter.organisation,
        "register_year": letter.registered_in,
        "subject": letter.subject,
        "state": letter.state,
        "state_date": jalali(letter.state_date),
        "deadline": jalali(letter.deadline) if letter.deadline else None,
        "reply_number": letter.reply_number,
        "confidentiality": letter.confidentiality,
        "phone": letter.phone,
        "receipt_code": letter.receipt_code,
    }
