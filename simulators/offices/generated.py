"""Letters and requests as an office of this size has them: from a hundred to a million, each computed when it is asked
for. The n-th depends on the seed, the day and n alone, so nothing is kept and no other is made for it; a number is
led back to its place by arithmetic (numbering.py).

Nobody real is in it: agencies, places and subjects are Khuzestan's, senders are numbered samples.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import permutations
from random import Random
from typing import Literal, TypeVar, overload

from simulators.offices.data import FIXED_CODES, FIXED_NUMBERS, Letter, Request
from simulators.offices.days import Calendar, Weeks, Worked
from simulators.offices.numbering import Codes, Spread
from simulators.offices.vocabulary import (
    COUNTER,
    GOVERNORATE,
    MUNICIPALITY,
    OTHERS,
    PLACES,
    REGISTRY,
    SERVICES,
    Agency,
)

SEED = 1405
YEARS = 4
"""Registers of this Jalali year and of so many before it."""

AHEAD = timedelta(days=150)
"""Further than any deadline: 30 working days and the holidays of Nowruz."""

SETTLED = 10
"""Working days a year must have had before letters carry it."""


# --- registers: which number is whose ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Register:
    """The letters of one agency in one year. share: how many of a hundred letters are in it.

    pattern: how its numbers are written; first and size: of the running numbers, which grow through the year; ago: its
    year, 0 is this one, None is any before it; twin_of: its numbers are those of another register, first come first.
    """

    agency: Agency
    ago: int | None
    share: int
    pattern: str
    first: int
    size: int
    twin_of: "Register | None" = None

    def year(self, place: int, this_year: int) -> int:
        return this_year - (1 + place % YEARS if self.ago is None else self.ago)


def _registers() -> Iterator[Register]:
    governorate = [
        Register(GOVERNORATE, ago, share, "{running}", 200_000 + 180_000 * (YEARS - ago), 179_000)
        for ago, share in enumerate((13, 6, 4, 3, 3))
    ]
    yield from governorate
    for ago, share in enumerate((8, 4, 3, 2, 2)):
        yield Register(MUNICIPALITY, ago, share, "{running}/{year}", 10_000, 89_000)
    for agency in OTHERS:
        yield Register(agency, 0, 1, f"{agency.unit}/{{year}}/{{running}}", 10_000, 89_000)
        yield Register(agency, None, 1, f"{agency.unit}/{{year}}/{{running}}", 10_000, 89_000)
    this_year, last_year = governorate[:2]
    yield Register(MUNICIPALITY, 0, 2, "{running}", this_year.first, this_year.size, twin_of=this_year)
    yield Register(GOVERNORATE, 2, 2, "{running}", last_year.first, last_year.size, twin_of=last_year)


REGISTERS = tuple(_registers())
HUNDRED = sum(register.share for register in REGISTERS)
assert HUNDRED == 100

_MIXED = Spread(HUNDRED)
_OWNERS = [register for register in REGISTERS for _ in range(register.share)]
_SLOTS = [_OWNERS[_MIXED(slot)] for slot in range(HUNDRED)]
_PLACES = {id(register): [slot for slot in range(HUNDRED) if _SLOTS[slot] is register] for register in REGISTERS}

MOST = min(register.size * HUNDRED // register.share for register in REGISTERS) // 100_000 * 100_000
"""Cases there are numbers for."""

assert MOST >= 1_000_000

_RESERVED = sorted(int(number) for number in FIXED_NUMBERS)


# --- letters ----------------------------------------------------------------------------------------------------------

_LENGTHS = range(2, 10), (6, 22, 28, 20, 11, 7, 4, 2)
_GAPS = (1, 2, 3, 5, 8, 12, 18, 30), (16, 18, 18, 16, 13, 9, 6, 4)
_DEADLINES = (10, 15, 20, 30, None), (12, 20, 25, 20, 23)
_FATES = ("پاسخ داده شده", "با پاسخ", "بی پاسخ", "رد شده"), (62, 15, 8, 15)
_OPEN = ("ارجاع شده", "رویت شده", "در حال بررسی"), (30, 20, 50)
_SECRECY = ("عادی", "محرمانه", "سری"), (980, 16, 4)
_FORGOTTEN_AFTER = 120
"""Working days after which hardly any letter is still open."""


Item = TypeVar("Item")


def _chosen(chance: Random, table: tuple[Sequence[Item], Sequence[int]]) -> Item:
    return chance.choices(*table)[0]


class Letters(Sequence[Letter]):
    """The first `count` letters. Equal arguments, equal letters."""

    def __init__(self, today: date, count: int, calendar: Calendar | None = None, seed: int = SEED) -> None:
        if not 0 <= count <= MOST:
            raise ValueError(f"there are numbers for 0 to {MOST} letters, not for {count}")
        self._count, self._seed = count, seed
        self._worked = Worked(today, calendar or Weeks(), YEARS + 1, AHEAD)
        self._year = self._worked.year_of(self._worked.today - SETTLED)
        self._codes = Codes(f"letters {seed}", FIXED_CODES)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Letter: ...
    @overload
    def __getitem__(self, place: slice) -> list[Letter]: ...
    def __getitem__(self, place: int | slice) -> Letter | list[Letter]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(self._count))]
        if not -self._count <= place < self._count:
            raise IndexError(place)
        return self._letter(place % self._count)

    def by_number(self, number: str) -> list[Letter]:
        """The letters that carry this number; most often one, and seldom two."""
        return [self[place] for place in sorted(self._at(number))]

    def by_parts(self, parts: Sequence[str]) -> list[Letter]:
        """The letters whose number has these parts, in any order."""
        if len(parts) > 3:
            return []
        return [self[place] for place in sorted({p for o in permutations(parts) for p in self._at("/".join(o))})]

    def by_receipt(self, code: str) -> list[Letter]:
        place = self._codes.place(code)
        return [self[place]] if place is not None and place < self._count else []

    def _at(self, number: str) -> list[int]:
        """The places of a number."""
        if not re.fullmatch(r"[1-9][0-9]*(/[1-9][0-9]*)*", number):
            return []
        found = []
        parts = [int(part) for part in number.split("/")]
        for register in REGISTERS:
            written = register.pattern.split("/")
            if len(written) != len(parts):
                continue
            running = parts[written.index("{running}")]
            known = self._known(register, running)
            if known is None:
                continue
            turn, slots = known, _PLACES[id(register)]
            place = turn // register.share * HUNDRED + slots[turn % register.share]
            if place < self._count and self._number(register, turn) == number:
                found.append(place)
        return found

    def _spread(self, register: Register) -> Spread:
        owner = register.twin_of or register
        return Spread(owner.size, shift=self._seed * (REGISTERS.index(owner) + 1) % owner.size)

    def _known(self, register: Register, running: int) -> int | None:
        """Which letter of the register has this running number."""
        value = running - register.first
        moved = value - register.size
        if 0 <= moved < len(_RESERVED):
            value = _RESERVED[moved] - register.first
        elif running in _RESERVED:
            return None
        return self._spread(register).back(value) if 0 <= value < register.size else None

    def _number(self, register: Register, turn: int) -> str:
        running = self._spread(register)(turn) + register.first
        if running in _RESERVED:  # one of the handbook's: the number behind the register's last is this letter's
            running = register.first + register.size + _RESERVED.index(running)
        return register.pattern.format(running=running, year=register.year(turn, self._year))

    def _letter(self, place: int) -> Letter:
        block, slot = divmod(place, HUNDRED)
        register = _SLOTS[slot]
        turn = block * register.share + _PLACES[id(register)].index(slot)
        chance = Random(f"letter {self._seed} {place}")
        agency, worked = register.agency, self._worked
        topic = chance.choice(agency.topics)
        year = register.year(turn, self._year)

        days = worked.of_year(year)
        through = self._spread(register)(turn) / register.size  # numbers grow through the year
        first = min(days.start + int(through * len(days)), worked.today - 1)
        desks = self._desks(chance, agency, topic.desks)
        came = [first]
        while len(came) < len(desks) and (then := came[-1] + _chosen(chance, _GAPS)) <= worked.today:
            came.append(then)
        if len(came) == 1:
            came.append(first + 1)
        arrived = len(came) == len(desks)
        last_desk, last = desks[len(came) - 1], came[-1]

        days_given = _chosen(chance, _DEADLINES)
        finished = last + _chosen(chance, _GAPS)
        stuck = chance.random() < (0.01 if worked.today - first > _FORGOTTEN_AFTER else 0.15)
        reply: str | None = None
        if arrived and finished <= worked.today and not stuck:
            state, state_day = _chosen(chance, _FATES), finished
            if state in ("پاسخ داده شده", "با پاسخ"):
                reply = str(chance.randint(1_000, 99_999))
            state = "خاتمه یافته" if state in ("با پاسخ", "بی پاسخ") else state
        elif last_desk == REGISTRY:
            state, state_day = "ثبت شده", last
        else:
            state = _chosen(chance, _OPEN)
            state_day = last if state == "ارجاع شده" else min(last + chance.randint(0, 2), worked.today)
        return Letter(
            number=self._number(register, turn),
            state=state,
            referrals=tuple((desk, worked[day]) for desk, day in zip(desks, came, strict=False)),
            state_date=worked[state_day],
            deadline=worked[first + days_given] if days_given else None,
            reply_number=reply,
            confidentiality=_chosen(chance, _SECRECY),
            organisation=agency.name,
            subject=topic.subject.format(place=chance.choice(PLACES)),
            year=year,
            sender=f"متقاضی نمونه {place:07}",
            receipt_code=self._codes.code(place),
            phone=agency.phone,
        )

    def _desks(self, chance: Random, agency: Agency, topic: Sequence[str]) -> list[str]:
        """The desks a letter goes to; once all have seen it, it goes back and forth between them."""
        length = _chosen(chance, _LENGTHS)
        began = [COUNTER, REGISTRY] if chance.random() < 0.3 else [REGISTRY]
        found = [*began, agency.head, *topic][:length]
        while len(found) < length:
            found.append(chance.choice([desk for desk in (agency.head, *topic) if desk != found[-1]]))
        return found


# --- requests ---------------------------------------------------------------------------------------------------------

_EXPECTED = (5, 7, 10, 15, 20, 30), (10, 20, 25, 20, 15, 10)
Status = Literal["SUBMITTED", "IN_REVIEW", "DEFICIENT", "APPROVED", "DENIED", "CLOSED"]


class Requests(Sequence[Request]):
    """The first `count` service requests. Equal arguments, equal requests."""

    def __init__(self, today: date, count: int, calendar: Calendar | None = None, seed: int = SEED) -> None:
        if not 0 <= count <= MOST:
            raise ValueError(f"there are codes for 0 to {MOST} requests, not for {count}")
        self._count, self._seed = count, seed
        self._worked = Worked(today, calendar or Weeks(), YEARS, AHEAD)
        self._codes = Codes(f"requests {seed}", FIXED_CODES)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Request: ...
    @overload
    def __getitem__(self, place: slice) -> list[Request]: ...
    def __getitem__(self, place: int | slice) -> Request | list[Request]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(self._count))]
        if not -self._count <= place < self._count:
            raise IndexError(place)
        return self._request(place % self._count)

    def by_code(self, code: str) -> Request | None:
        place = self._codes.place(code)
        return self[place] if place is not None and place < self._count else None

    def _request(self, place: int) -> Request:
        chance, worked = Random(f"request {self._seed} {place}"), self._worked
        service = chance.choice(SERVICES)
        # Most are of these weeks: who has her permit does not ask any more.
        age = int(chance.expovariate(1 / 25)) if chance.random() < 0.8 else chance.randrange(worked.today)
        first = max(worked.today - 1 - age, 0)
        came = [first]
        while len(came) < len(service.units) and (then := came[-1] + _chosen(chance, _GAPS)) <= worked.today:
            came.append(then)
        status: Status = "SUBMITTED" if len(came) == 1 else "IN_REVIEW"
        day = came[-1]
        fate = chance.random()
        if len(came) == len(service.units):
            status = "APPROVED"
        elif len(came) > 1 and fate < 0.3:
            status = "DEFICIENT"
        if status == "APPROVED" and fate < 0.2:
            came = came[: chance.randint(2, len(came))]
            status, day = ("CLOSED" if fate < 0.05 else "DENIED"), came[-1]
        done: list[date | None] = [worked[each] for each in came]
        days_left: list[date | None] = [None] * (len(service.units) - len(done))
        return Request(
            code=self._codes.code(place),
            status=status,
            agency=service.agency,
            steps=tuple(zip(service.units, done + days_left, strict=True)),
            status_date=worked[day],
            expected=worked[first + _chosen(chance, _EXPECTED)],
            missing_document=chance.choice(service.documents) if status == "DEFICIENT" else None,
            phone=service.phone,
            title=service.title,
        )
