"""A simulated secretariat over REST, as config/backends/secretariat.yaml says: `GET /letters?number=`, `?parts=` or
`?receipt=`.

Answers in Persian words and Jalali dates, an empty list for what it does not have.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from functools import partial

from aiohttp import web

from simulators.offices.data import Letter
from simulators.offices.days import jalali
from simulators.offices.generated import Letters

_answer = partial(web.json_response, dumps=partial(json.dumps, ensure_ascii=False))


def application(
    letters: Iterable[Letter], *, neighbours: Letters | None = None, delay_s: float = 0.0
) -> web.Application:
    """neighbours: what else stands in the register, however much. delay_s: what this office takes for each answer."""
    register = list(letters)

    def found(number: str | None, parts: list[str], receipt: str | None) -> Iterator[Letter]:
        for letter in register:
            by_parts = bool(parts) and _parts(letter.number) == sorted(parts)
            if letter.number == number or by_parts or (receipt is not None and letter.receipt_code == receipt):
                yield letter
        if neighbours is not None:
            yield from neighbours.by_number(number or "")
            yield from neighbours.by_parts(parts)
            yield from neighbours.by_receipt(receipt or "")

    async def find(request: web.Request) -> web.Response:
        await asyncio.sleep(delay_s)
        asked = request.query
        receipt = asked.get("receipt")
        rows = found(asked.get("number"), _parts(asked.get("parts", "")), receipt)
        # Who has the code has it from us: it stands in the answer to nobody else.
        return _answer({"letters": [_row(letter) | ({"receipt_code": receipt} if receipt else {}) for letter in rows]})

    app = web.Application()
    app.router.add_get("/letters", find)
    return app


def _parts(number: str) -> list[str]:
    return sorted(re.findall(r"\w+", number))


def _row(letter: Letter) -> dict[str, object]:
    return {
        "letter_no": letter.number,
        "organisation": letter.organisation,
        "year": letter.registered_in,
        "subject": letter.subject,
        "sender": letter.sender,
        "state": letter.state,
        "state_date": jalali(letter.state_date),
        "receiver_unit": letter.referrals[-1][0],
        "deadline": jalali(letter.deadline) if letter.deadline else None,
        "reply_number": letter.reply_number,
        "confidentiality": letter.confidentiality,
        "phone": letter.phone,
        "referrals": [{"receiver_unit": desk, "send_date": jalali(day)} for desk, day in letter.referrals],
    }
