"""A simulated secretariat over REST: `GET /letters?number=` or `?parts=`, as config/backends/secretariat.yaml says.

Answers in Persian words and Jalali dates, an empty list for what it does not have.
"""

import asyncio
import re
from collections.abc import Iterable

from aiohttp import web

from simulators.offices.data import PHONE, Letter, jalali


def application(letters: Iterable[Letter], *, delay_s: float = 0.0) -> web.Application:
    """delay_s: how long this office takes for each answer."""
    register = list(letters)

    async def find(request: web.Request) -> web.Response:
        await asyncio.sleep(delay_s)
        number, parts = request.query.get("number"), request.query.get("parts")
        found = [
            letter
            for letter in register
            if letter.number == number or (parts is not None and _sorted(letter.number) == _sorted(parts))
        ]
        return web.json_response({"letters": [_row(letter) for letter in found]})

    app = web.Application()
    app.router.add_get("/letters", find)
    return app


def _sorted(number: str) -> list[str]:
    return sorted(re.findall(r"\w+", number))


def _row(letter: Letter) -> dict[str, object]:
    return {
        "letter_no": letter.number,
        "organisation": letter.organisation,
        "year": letter.registered_in,
        "subject": letter.subject,
        "state": letter.state,
        "state_date": jalali(letter.state_date),
        "receiver_unit": letter.referrals[-1][0],
        "deadline": jalali(letter.deadline) if letter.deadline else None,
        "reply_number": letter.reply_number,
        "confidentiality": letter.confidentiality,
        "phone": PHONE,
        "referrals": [{"receiver_unit": desk, "send_date": jalali(day)} for desk, day in letter.referrals],
    }
