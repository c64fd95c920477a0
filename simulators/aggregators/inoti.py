"""inoti: inoti.com/Lab. `call` grows with each answer; nobody is told that a caller has gone."""

from urllib.parse import quote

from simulators.aggregators.session import CallFailed, Request, Response, Session, Shown


class Inoti:
    TELLS_REPEATS = True

    def __init__(self, msisdn: str, session_id: str, service_code: str) -> None:
        self._session_id, self._mobile = session_id, msisdn.removeprefix("+")
        self._call = service_code.rstrip("#")

    def dialled(self, arguments: str) -> Request:
        self._call += f"*{arguments}" if arguments else ""
        return self._get()

    def typed(self, text: str) -> Request:
        self._call += f"*{text}"
        return self._get()

    def _get(self) -> Request:
        fields = {"call": self._call, "sessionid": self._session_id, "mobile": self._mobile}
        return Request("GET", query="&".join(f"{name}={quote(value, safe='*')}" for name, value in fields.items()))

    def shown(self, response: Response) -> Shown:
        if response.body.startswith("\ufeff") or "<" in response.body:
            raise CallFailed("the answer is not plain text", kind="unreadable")
        return Shown(response.body.removesuffix("[end]"), over=response.body.endswith("[end]"))

    def hung_up(self) -> Request | None:
        return None


_: type[Session] = Inoti
