"""Africa's Talking: its USSD documents, and protocols of panels that copy it."""

from collections.abc import Mapping
from urllib.parse import urlencode

from simulators.aggregators.session import CallFailed, Request, Response, Session, Shown


class AfricasTalking:
    """Posts the callback of Africa's Talking: a form whose `text` is all inputs so far joined by `*`."""

    TELLS_REPEATS = True

    def __init__(self, msisdn: str, session_id: str, service_code: str) -> None:
        self._fixed = {
            "sessionId": session_id,
            "serviceCode": service_code,
            "phoneNumber": msisdn,
            "networkCode": "43211",
        }
        self._inputs: list[str] = []

    def dialled(self, arguments: str) -> Request:
        self._inputs = [arguments] if arguments else []
        return self._post()

    def typed(self, text: str) -> Request:
        self._inputs.append(text)
        return self._post()

    def _post(self) -> Request:
        return _form("", {**self._fixed, "text": "*".join(self._inputs)})

    def shown(self, response: Response) -> Shown:
        word, _, text = response.body.partition(" ")
        if word not in ("CON", "END"):
            raise CallFailed("the answer begins with neither CON nor END", kind="unreadable")
        return Shown(text, over=word == "END")

    def hung_up(self) -> Request | None:
        """To the second address that is entered in their panel."""
        facts = {"status": "Incomplete", "hopsCount": str(len(self._inputs) + 1), "input": "*".join(self._inputs)}
        return _form("/end", {**self._fixed, **facts})


def _form(tail: str, fields: Mapping[str, str]) -> Request:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", tail, headers=headers, body=urlencode(fields).encode("ascii"))


_: type[Session] = AfricasTalking
