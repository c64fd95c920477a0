"""A gateway built against docs/channels.md: our own JSON dialect, requests counted."""

import json

from simulators.aggregators.session import CallFailed, Request, Response, Session, Shown


class PlainJson:
    TELLS_REPEATS = True

    def __init__(self, msisdn: str, session_id: str, service_code: str) -> None:
        self._caller = {"session": session_id, "msisdn": msisdn}
        self._code = service_code
        self._sequence = 0

    def dialled(self, arguments: str) -> Request:
        code = f"{self._code.rstrip('#')}*{arguments}#" if arguments else self._code
        return self._post({"type": "begin", "code": code})

    def typed(self, text: str) -> Request:
        return self._post({"type": "input", "text": text})

    def hung_up(self) -> Request | None:
        return self._post({"type": "end"})

    def _post(self, said: dict[str, str]) -> Request:
        self._sequence += 1
        body = json.dumps({**said, **self._caller, "sequence": self._sequence}, ensure_ascii=False)
        return Request("POST", headers={"Content-Type": "application/json"}, body=body.encode())

    def shown(self, response: Response) -> Shown:
        try:
            found = json.loads(response.body)
            text, end = found["text"], found["end"]
        except (ValueError, LookupError, TypeError):
            raise CallFailed("the answer has no text and end", kind="unreadable") from None
        return Shown(str(text), over=end is True)


_: type[Session] = PlainJson
