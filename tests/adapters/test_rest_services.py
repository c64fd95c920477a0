"""Any REST service by its file: what goes over the wire, how we prove who asks, what an answer means. Against an office
on a socket that writes down every request."""

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web
from pydantic import ValidationError

from adapters.contract import (
    BackendBusy,
    BackendError,
    BackendGarbage,
    BadCertificate,
    Bomb,
    CutOff,
    NotReadable,
    Redirected,
    TooLarge,
    WebPage,
)
from adapters.rest import Rest, RestConfig
from menus.ports import Ask, Found, Missing, Refused, reference
from tests.adapters.test_rest import ASK, FILE, ROW
from tests.faults.conftest import authority

__all__ = ["authority"]

SLASHED = Ask("letters", 1, reference("220/1396/54321"))
CODE = Ask("letters", 1, reference("1040610014"))
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Office:
    """Says `says` in turn, the last of it from then on: a body, or a whole response."""

    def __init__(self):
        self.asked, self.says = [], [{"letters": []}]

    async def handle(self, request):
        self.asked.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        says = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        return web.json_response(says) if isinstance(says, dict | list) else says()

    def said(self, header):
        return [headers.get(header) for _, _, headers, _ in self.asked]


def answer(body=b"", status=200, **headers):
    return lambda: web.Response(body=body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.fixture
async def office(aiohttp_server):
    found = Office()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.handle)
    server = await aiohttp_server(app)
    found.url = str(server.make_url("")).rstrip("/")
    return found


@pytest.fixture
def described(office):
    """`async with described(tries=[...]) as backend`: a file with other words in it."""

    @asynccontextmanager
    async def one(*tries, **more):
        file = {**FILE, "base_url": office.url, **({"tries": tries} if tries else {}), **more}
        async with Rest(RestConfig(**file), now=lambda: NOW) as backend:
            yield backend

    return one


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempt", "method", "target", "body"),
    [
        ({"path": "/letters/{exact}"}, "GET", "/letters/220%2F1396%2F54321", b""),
        ({"path": "/{running}/of/{loose}/x"}, "GET", "/54321/of/1396%2F220%2F54321/x", b""),
        (
            {"path": "/a", "query": {"no": "exact", "format": "json", "lang": {"literal": "exact"}, "all": True}},
            "GET", "/a?no=220%2F1396%2F54321&format=json&lang=exact&all=true", b"",
        ),
        (
            {"method": "POST", "path": "/a", "repeatable": True, "form": {"no": "running", "v": 2, "none": None}},
            "POST", "/a", b"no=54321&v=2&none=",
        ),
        (
            {"method": "POST", "path": "/a", "repeatable": False,
             "json": {"filter": [{"field": "no", "is": "exact"}], "top": 1, "open": True, "x": {"literal": "loose"}}},
            "POST", "/a",
            b'{"filter": [{"field": "no", "is": "220/1396/54321"}], "top": 1, "open": true, "x": "loose"}',
        ),
    ],
    ids=["a path", "two in a path", "query", "form", "json"],
)  # fmt: skip
async def test_a_request_is_what_its_file_says(described, office, attempt, method, target, body):
    async with described(attempt) as backend:
        assert Missing() == await backend.look_up(SLASHED)

    assert [(method, target, body)] == [(verb, path, octets) for verb, path, _, octets in office.asked]


async def test_letters_of_any_script_and_signs_of_an_address_are_encoded(described, office):
    async with described({"path": "/letters/{exact}", "query": {"n": "exact"}}) as backend:
        await backend.look_up(Ask("letters", 1, reference("ص/5?&#%")))

    assert office.asked[0][1].startswith("/letters/%D8%B5%2F5%3F%26")


async def test_headers_may_carry_the_number_or_a_word(described, office):
    async with described({"path": "/a", "headers": {"X-No": "running", "Accept-Language": "fa"}}) as backend:
        await backend.look_up(SLASHED)

    assert [["54321"], ["fa"]] == [office.said("X-No"), office.said("Accept-Language")]


async def test_a_try_for_receipt_codes_is_made_for_them_only_and_proves(described, office):
    office.says = [{"letters": [{**ROW, "no": "777", "code": "1040610014"}]}]
    attempt = {"method": "POST", "path": "/code", "repeatable": True, "json": {"code": "receipt_code"}, "echo": "code"}
    async with described(attempt) as backend:
        assert Missing() == await backend.look_up(ASK)
        assert [] == office.asked
        assert (await backend.look_up(CODE)).case.proven


@pytest.mark.parametrize(
    ("attempt", "told"),
    [
        ({"path": "/a"}, "nothing in it is the number"),
        ({"path": "/a/{exatc}"}, "{exatc} is none of exact"),
        ({"path": "/a/{exact"}, "a brace without its other one"),
        ({"path": "/a?x=1", "query": {"n": "exact"}}, "path"),
        ({"path": "/a", "query": {"n": "exatc"}}, "if it is meant so, {literal: exatc}"),
        ({"path": "/a", "query": {"n": ["exact"]}}, "n: one value was expected"),
        ({"path": "/a", "query": {"n": "exact"}, "json": {"a": 1}}, "a GET has no body"),
        ({"method": "POST", "path": "/a", "form": {"n": "exact"}}, "repeatable: true or false is missing"),
        ({"method": "POST", "path": "/{exact}", "repeatable": True, "form": {}, "json": {}}, "two bodies"),
        ({"method": "PUT", "path": "/{exact}"}, "method"),
        ({"path": "/{exact}", "headers": {"Authorization": "Bearer x"}}, "belongs in auth"),
        ({"path": "/{exact}", "headers": {"X Y": "x"}}, "headers"),
    ],
    ids=str,
)
def test_a_try_that_cannot_work_is_refused(attempt, told):
    with pytest.raises(ValidationError) as refused:
        RestConfig(**{**FILE, "base_url": "https://office.example", "tries": [attempt]})
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("attempt", "again"),
    [
        ({"path": "/{exact}"}, True),
        ({"path": "/{exact}", "repeatable": False}, False),
        ({"method": "POST", "path": "/{exact}", "repeatable": True}, True),
        ({"method": "POST", "path": "/{exact}", "repeatable": False}, False),
    ],
    ids=str,
)
async def test_a_failure_says_whether_to_ask_again(described, office, attempt, again):
    office.says = [answer(status=500)]
    async with described(attempt) as backend:
        with pytest.raises(BackendError) as failure:
            await backend.look_up(ASK)
    assert again == failure.value.again


async def test_nothing_is_sent_twice_by_itself(described, office):
    """aiohttp repeats a GET on a kept connection that ends without an answer."""

    def hang_up():
        raise asyncio.CancelledError

    office.says = [{"letters": []}, hang_up]
    async with described() as backend:
        await backend.look_up(ASK)
        with pytest.raises(CutOff):
            await backend.look_up(ASK)
    assert 2 == len(office.asked)


# --- what an answer means ---------------------------------------------------------------------------------------------

FOUND = {"letters": [ROW]}
ENVELOPE = {"missing_when": "error.code == 'NOT_FOUND'", "failed_when": "error", "refused_status": [403]}


@pytest.mark.parametrize(
    ("says", "means"),
    [
        (FOUND, Found),
        ({"error": None, "letters": [ROW]}, Found),
        (answer(status=404), Missing),
        (answer(b'{"error": "NOT_FOUND"}', status=404), Missing),
        (answer(b"\n<!DOCTYPE html><title>404</title>", status=404), WebPage),
        ({"letters": None}, Missing),
        ({}, Missing),
        ({"litters": [ROW]}, BackendGarbage),
        ([{"letters": [ROW]}], BackendGarbage),
        (answer(status=403), Refused),
        (answer(status=500), BackendError),
        (answer(status=503), BackendError),
        (answer(status=503, Retry_After="3"), BackendBusy),
        (answer(status=429), BackendBusy),
        (answer(status=401), BackendGarbage),
        (answer(status=308, Location="/x"), Redirected),
        ({"error": {"code": "E17"}, "letters": [ROW]}, BackendError),
        (answer(b"\n <!DOCTYPE html>"), WebPage),
        (answer(b"{} {}"), NotReadable),
        (answer(b'{"letters": [], "letters": []}'), NotReadable),
        (answer(b'{"letters": Infinity}'), NotReadable),
        (answer(b'{"letters": 1e999}'), NotReadable),
        (answer(b'{"letters": %s}' % (b"9" * 5000)), NotReadable),
        (answer(b'{"letters": "\\ud800"}'), NotReadable),
        (answer(b"[" * 40 + b"]" * 40), NotReadable),
        (answer(b"[" * 30_000 + b"]" * 30_000), NotReadable),
        (answer(json.dumps(FOUND).encode("utf-16")), NotReadable),
        (answer(b"\xff\xfe"), NotReadable),
        (answer(b"x" * 65_537), TooLarge),
        (answer(gzip.compress(b"{}"), Content_Encoding="gzip"), NotReadable),
        (answer(b"{}", Content_Encoding="br"), NotReadable),
    ],
    ids=lambda each: getattr(each, "__name__", None) or "...",
)
async def test_an_answer_means_what_its_file_says(described, office, says, means):
    office.says = [says]
    async with described({"path": "/{exact}"}, **{**ENVELOPE, "missing_when": None}) as backend:
        if issubclass(means, Exception):
            with pytest.raises(means) as failure:
                await backend.look_up(ASK)
            assert means is type(failure.value)
        else:
            assert isinstance(await backend.look_up(ASK), means)


@pytest.mark.parametrize(("code", "means"), [("NOT_FOUND", Missing()), ("E17", BackendError), (None, BackendError)])
async def test_an_envelope_may_say_missing_and_failed(described, office, code, means):
    """Which of two conditions on one envelope holds is the file's to say: missing must not be among what failed."""
    office.says = [{"error": {"code": code}}]
    words = {**ENVELOPE, "failed_when": "error && error.code != 'NOT_FOUND'"}
    async with described({"path": "/{exact}"}, **words) as backend:
        if means == Missing():
            assert means == await backend.look_up(ASK)
        else:
            with pytest.raises(means):
                await backend.look_up(ASK)


async def test_another_charset_is_read_when_its_file_says_so(described, office):
    office.says = [answer(json.dumps(FOUND, ensure_ascii=False).encode("utf-16"))]
    async with described(charset="utf-16") as backend:
        assert isinstance(await backend.look_up(ASK), Found)


async def test_how_long_a_busy_office_wants_to_be_left_alone(described, office):
    for says, seconds in (("30", 30.0), ("soon", None), ("Sun, 22 Nov 2026 09:00:00 GMT", None), ("-1", None)):
        office.says = [answer(status=429, Retry_After=says)]
        async with described() as backend:
            with pytest.raises(BackendBusy) as busy:
                await backend.look_up(ASK)
        assert seconds == busy.value.after_s


class TestPacked:
    @pytest.mark.parametrize(
        ("body", "means"),
        [
            (gzip.compress(json.dumps(FOUND).encode()), None),
            (gzip.compress(json.dumps(FOUND).encode())[:-4], NotReadable),
            (gzip.compress(b"{}") + gzip.compress(b"{}"), NotReadable),
            (b"{}", NotReadable),
            (gzip.compress(b"[" + b" " * 10_000_000), Bomb),
        ],
        ids=["an answer", "cut", "two", "not packed", "bomb"],
    )
    async def test_packed_answers_where_the_file_allows_them(self, described, office, body, means):
        office.says = [answer(body, Content_Encoding="gzip")]
        async with described(gzip=True) as backend:
            if means is None:
                assert isinstance(await backend.look_up(ASK), Found)
            else:
                with pytest.raises(means):
                    await backend.look_up(ASK)
        assert ["gzip"] == office.said("Accept-Encoding")

    async def test_they_are_not_asked_for_elsewhere(self, described, office):
        async with described() as backend:
            await backend.look_up(ASK)
        assert ["identity"] == office.said("Accept-Encoding")


# --- who asks ---------------------------------------------------------------------------------------------------------


class TestAuth:
    @pytest.mark.parametrize(
        ("auth", "header", "sent"),
        [
            ("none", "Authorization", None),
            ({"kind": "basic", "username": "rasad", "password": "رمز:1"}, "Authorization",
             "Basic " + base64.b64encode("rasad:رمز:1".encode()).decode()),
            ({"kind": "bearer", "token": "t-1"}, "Authorization", "Bearer t-1"),
            ({"kind": "api_key", "header": "X-Api-Key", "api_key": "k-1"}, "X-Api-Key", "k-1"),
        ],
        ids=["none", "basic", "bearer", "api_key"],
    )  # fmt: skip
    async def test_a_header_says_who_asks(self, described, office, auth, header, sent):
        async with described(auth=auth) as backend:
            await backend.look_up(ASK)
        assert [sent] == office.said(header)

    async def test_a_key_may_stand_in_the_query(self, described, office):
        async with described(
            {"path": "/a/{exact}"}, auth={"kind": "api_key", "query": "key", "api_key": "k/1"}
        ) as backend:
            await backend.look_up(ASK)
        assert "/a/12345?key=k%2F1" == office.asked[0][1]

    async def test_a_signature_is_over_what_is_on_the_wire(self, described, office):
        auth = {"kind": "hmac", "secret": "s-1", "key_id": "rasad"}
        attempt = {
            "method": "POST",
            "path": "/a/{exact}",
            "query": {"v": 1},
            "json": {"n": "exact"},
            "repeatable": True,
        }
        async with described(attempt, auth=auth) as backend:
            await backend.look_up(SLASHED)

        method, path, headers, body = office.asked[0]
        stamp = str(int(NOW.timestamp()))
        said = f"{method}\n{path}\n{stamp}\n{hashlib.sha256(body).hexdigest()}"
        signature = hmac.new(b"s-1", said.encode(), hashlib.sha256).hexdigest()
        assert (stamp, "rasad", signature) == tuple(
            headers[f"X-{name}"] for name in ("Timestamp", "Key-Id", "Signature")
        )

    @pytest.mark.parametrize(
        ("auth", "told"),
        [
            ({"kind": "basic", "username": "a:b", "password": "x"}, "username"),
            ({"kind": "bearer", "token": ""}, "token"),
            ({"kind": "bearer", "token": "a\nb"}, "a line end"),
            ({"kind": "api_key", "api_key": "x"}, "one of header and query"),
            ({"kind": "api_key", "api_key": "x", "header": "A", "query": "b"}, "one of header and query"),
            ({"kind": "digest"}, "auth"),
            ({"kind": "certificate", "cert_file": "/none.pem", "key_file": "/none.key"}, "cannot be used"),
            (
                {"kind": "oauth2", "token_url": "http://127.0.0.1/t", "client_id": "a", "client_secret": "b"},
                "token_url",
            ),
        ],
        ids=str,
    )
    def test_auth_that_cannot_work_is_refused_without_its_secret(self, auth, told):
        with pytest.raises(ValidationError) as refused:
            RestConfig(**{**FILE, "inside": [], "base_url": "https://office.example", "auth": auth})
        assert told in str(refused.value)

    def test_a_secret_is_not_sent_in_clear_to_the_world(self):
        file = {**FILE, "inside": [], "base_url": "http://office.example"}

        assert RestConfig(**file).auth.kind == "none"
        with pytest.raises(ValidationError, match="https:// was expected"):
            RestConfig(**{**file, "auth": {"kind": "bearer", "token": "t"}})

    async def test_a_certificate_proves_who_asks(self, described, office, authority, aiohttp_server):
        context = authority.server("office")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca_file)
        app = web.Application()
        app.router.add_get("/letters", office.handle)
        server = await aiohttp_server(app, ssl=context)
        cert_file, key_file = authority.files("rasad")
        ours = {"base_url": f"https://127.0.0.1:{server.port}", "ca_file": authority.ca_file}
        async with described(**ours, auth={"kind": "certificate", "cert_file": cert_file, "key_file": key_file}) as ok:
            assert Missing() == await ok.look_up(ASK)
        async with described(**ours) as unknown:
            with pytest.raises((BadCertificate, CutOff)):
                await unknown.look_up(ASK)

    @pytest.mark.parametrize("wrong", [{"days": -5000}, {"address": "127.0.0.9"}], ids=["expired", "another host"])
    async def test_an_office_must_be_who_it_says(self, described, office, authority, aiohttp_server, wrong):
        app = web.Application()
        app.router.add_get("/letters", office.handle)
        server = await aiohttp_server(app, ssl=authority.server("office", **wrong))
        async with described(base_url=f"https://127.0.0.1:{server.port}", ca_file=authority.ca_file) as backend:
            with pytest.raises(BadCertificate):
                await backend.look_up(ASK)
        assert [] == office.asked


class Tokens:
    """A token service and an office behind it."""

    def __init__(self):
        self.asked, self.fetched, self.valid, self.says = [], [], set(), {}
        self.status = 200

    async def token(self, request):
        self.fetched.append((request.headers.get("Authorization"), dict(await request.post())))
        await asyncio.sleep(0.02)
        token = f"t-{len(self.fetched)}"
        self.valid.add(token)
        said = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, **self.says}
        return web.json_response(said, status=self.status)

    async def letters(self, request):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.asked.append(token)
        return web.json_response({"letters": []}, status=200 if token in self.valid else 401)


class TestOAuth2:
    @pytest.fixture
    async def tokens(self, aiohttp_server):
        found = Tokens()
        app = web.Application()
        app.router.add_post("/token", found.token)
        app.router.add_get("/letters", found.letters)
        server = await aiohttp_server(app)
        found.url = str(server.make_url("")).rstrip("/")
        return found

    @pytest.fixture
    async def backend(self, tokens):
        auth = {"kind": "oauth2", "token_url": f"{tokens.url}/token", "client_id": "rasad", "client_secret": "s:1"}
        async with Rest(RestConfig(**FILE, base_url=tokens.url, auth={**auth, "scope": "letters"})) as found:
            yield found

    async def test_one_token_serves_all_who_ask_at_once(self, backend, tokens):
        assert [Missing()] * 20 == await asyncio.gather(*(backend.look_up(ASK) for _ in range(20)))

        account = "Basic " + base64.b64encode(b"rasad:s%3A1").decode()
        assert [(account, {"grant_type": "client_credentials", "scope": "letters"})] == tokens.fetched

    async def test_it_is_renewed_before_it_ends(self, backend, tokens):
        tokens.says = {"expires_in": 0.1}
        await backend.look_up(ASK)
        await asyncio.sleep(0.09)
        await backend.look_up(ASK)

        assert ["t-1", "t-2"] == tokens.asked

    async def test_it_is_renewed_once_after_a_401(self, backend, tokens):
        await backend.look_up(ASK)
        tokens.valid.clear()
        assert [Missing()] * 5 == await asyncio.gather(*(backend.look_up(ASK) for _ in range(5)))

        assert 2 == len(tokens.fetched)

    async def test_an_office_that_never_takes_it_is_not_asked_forever(self, backend, tokens):
        tokens.says = {"access_token": "nobody's"}
        with pytest.raises(BackendGarbage, match="HTTP 401"):
            await backend.look_up(ASK)

        assert (2, 2) == (len(tokens.asked), len(tokens.fetched))

    @pytest.mark.parametrize(
        "says",
        [{"access_token": None}, {"access_token": "a\nb"}, {"access_token": "ص"}, {"token_type": "mac"}],
        ids=str,
    )
    async def test_a_token_that_is_none_is_garbage(self, backend, tokens, says):
        tokens.says = says
        with pytest.raises(BackendGarbage):
            await backend.look_up(ASK)
        assert [] == tokens.asked

    async def test_no_token_no_question(self, backend, tokens):
        tokens.status = 400
        with pytest.raises(BackendError, match="no token: HTTP 400"):
            await backend.look_up(ASK)
        assert [] == tokens.asked

    async def test_the_account_may_stand_in_the_body(self, tokens):
        auth = {
            "kind": "oauth2",
            "token_url": f"{tokens.url}/token",
            "client_id": "a",
            "client_secret": "b",
            "by": "body",
        }
        async with Rest(RestConfig(**FILE, base_url=tokens.url, auth=auth)) as backend:
            await backend.look_up(ASK)

        assert (None, {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}) == tokens.fetched[0]
