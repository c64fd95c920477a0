"""What a peer may get wrong: a 4xx with one clear line, nothing half stored, and the next valid request works."""

import asyncio

import pytest

USSD = {"sessionId": "s1", "serviceCode": "*4*061#", "phoneNumber": "+989161234567", "text": ""}
SMS = {"from": "+989161234567", "to": "4040", "text": "12345", "coding": "0", "charset": "UTF-8", "id": "x"}


def without(fields, name):
    return {key: value for key, value in fields.items() if key != name}


USSD_CASES = [
    ("a GET", "GET", "/ussd/africastalking", None, 405, "takes POST"),
    ("an unknown channel", "POST", "/ussd/nobody", USSD, 404, "no USSD channel"),
    ("an SMS channel", "POST", "/ussd/kannel", USSD, 404, "no USSD channel"),
    *(
        (f"no {name}", "POST", "/ussd/africastalking", without(USSD, name), 400, f"the field {name} is missing")
        for name in ("sessionId", "serviceCode", "phoneNumber", "text")
    ),
    ("an empty dial", "POST", "/ussd/africastalking", {**USSD, "serviceCode": ""}, 400, "serviceCode is empty"),
    ("a foreign code", "POST", "/ussd/africastalking", {**USSD, "serviceCode": "*5#"}, 404, "the service code is *4*061#"),
    *(
        (f"phone {phone!r}", "POST", "/ussd/africastalking", {**USSD, "phoneNumber": phone}, 400, "no mobile phone number")
        for phone in ("4040", "110", "IRANCELL", "+98916", "+9891612345678901", "٠", "۰۲۱۸۸۸۸۸۸۸۸", "+1-900-555-0100", "0916ABCDEFG", "x" * 99)
    ),
    ("a body over 8 KiB", "POST", "/ussd/africastalking", {**USSD, "text": "1" * 9000}, 413, "larger than 8192"),
    ("a long text", "POST", "/ussd/africastalking", {**USSD, "text": "1" * 5000}, 400, "longer than 4096"),
    ("many fields", "POST", "/ussd/africastalking", {**USSD, **{f"f{n}": "" for n in range(60)}}, 400, "more than 50 fields"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "form", "status", "line"), [case[1:] for case in USSD_CASES],
                         ids=[case[0] for case in USSD_CASES])  # fmt: skip
async def test_a_bad_ussd_request_is_refused_in_one_line(desk, method, path, form, status, line):
    async with desk() as d:
        async with d.http.request(method, d.url + path, data=form) as response:
            body = await response.text()

        assert status == response.status
        assert line in body
        assert 1 == body.count("\n")
        assert (200, "CON رصد خوزستان") == ((answer := await d.ussd())[0], answer[1].split("\n")[0])


SMS_CASES = [
    ("a POST", "POST", SMS, 405, "takes GET"),
    ("no sender", "GET", without(SMS, "from"), 400, "the field from is missing"),
    ("no text", "GET", without(SMS, "text"), 400, "the field text is missing"),
    ("a short code as sender", "GET", {**SMS, "from": "4040"}, 400, "no mobile phone number"),
    ("a strange charset", "GET", {**SMS, "charset": "EBCDIC"}, 400, "no charset that Kannel sends"),
    ("a long id", "GET", {**SMS, "id": "x" * 200}, 400, "longer than 128"),
]


@pytest.mark.parametrize(("method", "query", "status", "line"), [case[1:] for case in SMS_CASES],
                         ids=[case[0] for case in SMS_CASES])  # fmt: skip
async def test_a_bad_sms_request_is_refused_and_leaves_no_row(desk, method, query, status, line):
    async with desk() as d:
        async with d.http.request(method, f"{d.url}/sms/kannel", params=query) as response:
            body = await response.text()

        assert status == response.status
        assert line in body
        assert [] == await d.rows("message_in")
        assert (200, "") == await d.sms("12345")


async def test_a_field_twice_is_refused(desk):
    async with desk() as d:
        url = f"{d.url}/sms/kannel?from=%2B989161234567&to=4040&text=1&text=2&id=1"
        async with d.http.get(url) as response:
            assert (400, "a field stands twice: 'text'\n") == (response.status, await response.text())


async def test_a_body_that_claims_less_than_it_sends_is_cut_off(desk):
    """Chunked, without a length: the limit holds all the same."""

    async def endless():
        for _ in range(100):
            yield b"x" * 1024

    async with desk() as d:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        async with d.http.post(f"{d.url}/ussd/africastalking", data=endless(), headers=headers) as response:
            assert 413 == response.status


async def test_a_channel_with_a_secret_path_wants_it(desk, tmp_path):
    import shutil

    from simulators.demo import HOME

    config = shutil.copytree(HOME / "config", tmp_path / "config")
    file = config / "channels" / "africastalking.yaml"
    secret = "0123456789abcdefghijklmnop"
    text = file.read_text(encoding="utf-8")
    line = next(line for line in text.split("\n") if line.startswith("auth:"))
    file.write_text(text.replace(line, 'auth: {secret_path: "${PATH_SECRET}"}'), encoding="utf-8")
    async with desk(config=config, environ={"PATH_SECRET": secret}) as d:
        for path, status in (("", 403), ("/wrong", 403), (f"/{secret}", 200), (f"/{secret[:-1]}", 403)):
            async with d.http.post(f"{d.url}/ussd/africastalking{path}", data=USSD) as response:
                assert status == response.status, path


async def test_what_breaks_in_a_turn_ends_in_words_a_caller_can_use(desk, monkeypatch):
    from gateway.turn import Turns

    async def broken(*_args, **_more):
        raise RuntimeError("boom")

    async with desk() as d:
        with monkeypatch.context() as patched:
            patched.setattr(Turns, "converse", broken)
            status, body = await d.ussd()

        assert 200 == status
        assert body.startswith("END الان ممکن نشد.")
        assert "111" in body
        assert "boom" not in body
        assert (await d.ussd())[1].startswith("CON رصد")


async def test_health_and_readiness(desk):
    async with desk() as d:
        async with d.http.get(f"{d.url}/healthz") as alive, d.http.get(f"{d.url}/readyz") as ready:
            assert (200, 200) == (alive.status, ready.status)
            assert [] == (await ready.json())["reasons"]
        await asyncio.sleep(0)


async def test_a_channel_without_authentication_has_nothing_behind_its_name(desk):
    async with desk() as d, d.http.post(f"{d.url}/ussd/africastalking/anything", data=USSD) as response:
        assert 404 == response.status


async def test_a_channel_without_authentication_is_closed_behind_a_proxy(desk):
    async with desk() as d:
        for header in (
            "X-Forwarded-For",
            "Forwarded",
            "X-Forwarded-Host",
            "x-forwarded-proto",
            "X-Forwarded-Port",
            "X-Real-IP",
            "Via",
        ):
            async with d.http.post(f"{d.url}/ussd/africastalking", data=USSD, headers={header: "10.0.0.1"}) as response:
                assert 403 == response.status


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_body_is_refused_unread(desk, encoding):
    async with desk() as d:
        headers = {"Content-Encoding": encoding, "Content-Type": "application/x-www-form-urlencoded"}
        async with d.http.post(f"{d.url}/ussd/africastalking", data=b"junk", headers=headers) as response:
            assert 415 == response.status
        assert 200 == (await d.ussd())[0]


async def test_a_peer_that_sends_half_a_body_is_let_go(desk, monkeypatch):
    from gateway.channels import http

    monkeypatch.setattr(http, "BODY_WITHIN_S", 0.2)
    async with desk() as d:
        port = int(d.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "POST /ussd/africastalking HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\nsessionId".encode())

        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 408 ")
        writer.close()
        await writer.wait_closed()
