"""What an aggregator sends for what a caller does, and what she sees of the answer."""

from urllib.parse import parse_qsl

import pytest

from simulators.aggregator import SESSIONS, AfricasTalking, Call, CallFailed, Request, Response, Shown


def form(request):
    assert "application/x-www-form-urlencoded" == request.headers["Content-Type"]
    return dict(parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True))


def call(*answers, session=None):
    """A call whose requests are kept, and get these answers."""
    asked, left = [], list(answers)

    async def carry(request):
        asked.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Call(session or AfricasTalking("+989160000001", "s1", "*4*061#"), "*4*061#", carry), asked


OPEN, END = Response(200, {}, "CON a\nb"), Response(200, {}, "END c")


async def test_a_chain_grows_with_each_input():
    session, asked = call(OPEN, OPEN, END)
    shown = [await session.dial("*4*061#"), await session.type("1"), await session.type("۲*3")]

    assert [Shown("a\nb", over=False), Shown("a\nb", over=False), Shown("c", over=True)] == shown
    assert ["", "1", "1*۲*3"] == [form(each)["text"] for each in asked]
    assert {("s1", "*4*061#", "+989160000001")} == {
        (each["sessionId"], each["serviceCode"], each["phoneNumber"]) for each in map(form, asked)
    }


@pytest.mark.parametrize(
    ("code", "arguments"),
    [("*4*061#", ""), ("*4*061", ""), ("*4*061*12345#", "12345"), ("*4*061*220*1396*5#", "220*1396*5")],
)
async def test_what_stands_behind_the_code_is_said_at_once(code, arguments):
    session, asked = call(OPEN)
    await session.dial(code)

    assert arguments == form(asked[0])["text"]


@pytest.mark.parametrize("code", ["*5*061#", "4061", "*4*0610#", ""])
async def test_another_code_is_nobodys(code):
    session, asked = call(OPEN)

    with pytest.raises(CallFailed, match=r"dial \*4\*061#"):
        await session.dial(code)
    assert [] == asked


@pytest.mark.parametrize(
    ("answer", "kind"), [(Response(500, {}, "CON a"), "HTTP 500"), (Response(200, {}, "a"), "unreadable")]
)
async def test_an_answer_that_is_none_fails_with_its_kind(answer, kind):
    session, _ = call(answer)

    with pytest.raises(CallFailed) as caught:
        await session.dial("*4*061#")
    assert kind == caught.value.kind


class Telling(AfricasTalking):
    def hung_up(self):
        return Request("DELETE")


class Silent(AfricasTalking):
    def hung_up(self):
        return None


@pytest.mark.parametrize("answer", [Response(500, {}, ""), CallFailed("gone")])
async def test_hanging_up_is_told_where_the_aggregator_tells_it_and_never_fails(answer):
    session, asked = call(answer, session=Telling("+989160000001", "s1", "*4*061#"))
    await session.hang_up()
    silent, not_asked = call(session=Silent("+989160000001", "s1", "*4*061#"))
    await silent.hang_up()

    assert (["DELETE"], []) == ([each.method for each in asked], not_asked)


def test_every_dialect_of_the_gateway_has_somebody_who_speaks_it():
    from gateway.channels import listed

    assert listed.USSD.keys() | {"smpp"} == SESSIONS.keys()
