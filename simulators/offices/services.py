"""A simulated service-status system: `GET /requests/status?code=`, English words, Gregorian dates, 404 for a code it
does not have. As config/backends/services.yaml says."""

import json
from collections.abc import Iterable
from functools import partial

from aiohttp import web

from simulators.offices.data import Request
from simulators.offices.generated import Requests

_answer = partial(web.json_response, dumps=partial(json.dumps, ensure_ascii=False))


def application(requests: Iterable[Request], *, neighbours: Requests | None = None) -> web.Application:
    """neighbours: what else it knows, however much."""
    by_code = {request.code: request for request in requests}

    async def status(request: web.Request) -> web.Response:
        code = request.query.get("code", "")
        found = by_code.get(code) or (neighbours.by_code(code) if neighbours is not None else None)
        if found is None:
            return _answer({"error": "NOT_FOUND"}, status=404)
        return _answer({"request": _row(found)})

    app = web.Application()
    app.router.add_get("/requests/status", status)
    return app


def _row(request: Request) -> dict[str, object]:
    steps = [
        {"order": place + 1, "unit": unit, "date": day.isoformat() if day else None}
        for place, (unit, day) in enumerate(request.steps)
    ]
    return {
        "tracking_code": request.code,
        "title": request.title,
        "agency": request.agency,
        "status": request.status,
        "status_date": request.status_date.isoformat(),
        "expected_date": request.expected.isoformat() if request.expected else None,
        "missing_document": request.missing_document,
        "contact_phone": request.phone,
        "current_step": [step for step in steps if step["date"]][-1],
        "steps": steps,
    }
