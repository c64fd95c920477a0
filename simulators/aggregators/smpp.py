"""No aggregator: the demo's SMSC (simulators/smsc_desk.py) has the call, and is told as JSON what its phone does."""

import json

from simulators.aggregators.session import Request, Response, Session, Shown


class Smpp:
    TELLS_REPEATS = False

    def __init__(self, msisdn: str, session_id: str, service_code: str) -> None:
        self._fixed = {"msisdn": msisdn, "session": session_id}
        self._service_code = service_code.rstrip("#")

    def dialled(self, arguments: str) -> Request:
        return self._post(dial=f"{self._service_code}{'*' if arguments else ''}{arguments}#")

    def typed(self, text: str) -> Request:
        return self._post(type=text)

    def _post(self, **did: str) -> Request:
        body = json.dumps({**self._fixed, **did}).encode()
        return Request("POST", headers={"Content-Type": "application/json"}, body=body)

    def shown(self, response: Response) -> Shown:
        return Shown(**json.loads(response.body))

    def hung_up(self) -> Request | None:
        return self._post()


_: type[Session] = Smpp
