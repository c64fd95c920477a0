"""A long SMS on its way out: what goes again when its parts were not all taken."""

import msgspec
import pytest

from gateway.channels.contract import Accepted, NotAccepted, Unknown
from gateway.channels.esme import Esme
from gateway.settings_channels import SmppChannel

LONG = "نامه " * 60
LATER = NotAccepted("command_status 0x58", again=True)


class Line:
    """A bind that says what it is told to, and notes which parts it was given."""

    def __init__(self, *says):
        self.says, self.parts = [*says], []

    async def submitted(self, message, within_s, *, urgent):
        self.parts.append(message.short_message[5])
        return self.says.pop(0) if self.says else Accepted(f"id{len(self.parts)}")


@pytest.fixture
def esme(monkeypatch):
    def made(line):
        channel = SmppChannel(carries="smpp", host="smsc", port=2775, system_id="rasad", sms={"sender": "4040"})
        found = Esme("smpp", channel, lambda: 0.5, lambda: "id", 10.0)
        monkeypatch.setattr(found, "_sending", lambda: line)
        return found

    return made


async def test_parts_go_in_order_each_once_the_one_before_is_taken(esme):
    line = Line()

    assert Accepted("id5") == await esme(line).send("+989161234567", LONG, "1")
    assert [1, 2, 3, 4, 5] == line.parts


@pytest.mark.parametrize(
    ("stopped", "told"),
    [
        (LATER, NotAccepted("2 of 5 parts taken, then: command_status 0x58", again=True)),
        (Unknown("no answer"), Unknown("2 of 5 parts taken, then: no answer")),
    ],
)
async def test_a_rest_that_was_not_taken_goes_on_where_it_stopped(esme, stopped, told):
    line = Line(Accepted("a"), Accepted("b"), stopped)
    sender = esme(line)

    assert told == await sender.send("+989161234567", LONG, "1")
    line.says = [LATER]
    assert isinstance(await sender.send("+989161234567", LONG, "1", again=True), NotAccepted)
    assert isinstance(await sender.send("+989161234567", LONG, "1", again=True), Accepted)
    assert [1, 2, 3, 3, 3, 4, 5] == line.parts


async def test_to_begin_once_more_and_stop_short_is_a_doubt(esme):
    """Another process may have sent these parts: so often they go again as the doubts allow."""
    line = Line(Accepted("a"), LATER)

    told = await esme(line).send("+989161234567", LONG, "1", again=True)
    assert Unknown("1 of 5 parts taken, then: command_status 0x58") == told


async def test_nothing_taken_is_no_doubt_and_a_refused_part_fails_the_message(esme):
    assert LATER == await esme(Line(LATER)).send("+989161234567", LONG, "1", again=True)
    refused = NotAccepted("command_status 0x0B", again=False)
    told = await esme(Line(Accepted("a"), refused)).send("+989161234567", LONG, "1")
    assert not msgspec.to_builtins(told)["again"]
