"""/api/v1: nothing without a token but its description; with one, where a dialogue stands and nothing of the case."""

import json

import pytest

TOKEN = "t" * 22
PHONE = "+989161234567"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "X-Rasad-Msisdn": PHONE}
PATH = "/api/v1/dialogues/africastalking/s1"


async def asked(d, path=PATH, headers=HEADERS, method="GET"):
    async with d.http.request(method, d.url + path, headers=headers) as response:
        return response.status, await response.json(), response.headers


async def test_a_dialogue_says_where_it_stands(desk):
    async with desk(api_tokens={"console": TOKEN}) as d:
        await d.ussd()
        first = await asked(d)
        await d.ussd("1")
        await d.ussd("1*12345")
        status, body, _ = await asked(d)

    assert (200, "main", 1) == (first[0], first[1]["screen"], first[1]["turns"])
    assert (200, "letter_status", 3, False) == (status, body["screen"], body["turns"], body["ended"])
    assert ("fa", 1, first[1]["menu"]) == (body["language"], body["page"], body["menu"])


async def test_it_says_nothing_of_case_or_caller(desk):
    async with desk(api_tokens={"console": TOKEN}) as d:
        await d.ussd("1*12345")
        _, body, headers = await asked(d)

    assert {"screen", "menu", "language", "turns", "page", "more", "ended"} == body.keys()
    assert "12345" not in json.dumps({**body, "menu": ""})
    assert "no-store" == headers["Cache-Control"]


@pytest.mark.parametrize("header", [None, "", f"Bearer {TOKEN}x", "Bearer", f"Basic {TOKEN}", TOKEN, "Bearer é"])
@pytest.mark.parametrize("path", [PATH, "/api/v1", "/api/v1/", "/api/v1/nothing/of/this", "/api/v1/dialogues"])
async def test_without_a_token_nothing_is_told(desk, header, path):
    headers = {"X-Rasad-Msisdn": PHONE} | ({} if header is None else {"Authorization": header})
    async with desk(api_tokens={"console": TOKEN}) as d:
        await d.ussd()
        status, body, answered = await asked(d, path, headers)

    assert (401, {"error"}, 'Bearer realm="rasad"') == (status, body.keys(), answered["WWW-Authenticate"])


async def test_without_tokens_in_the_settings_nobody_is_answered(desk):
    async with desk() as d:
        await d.ussd()

        assert 401 == (await asked(d))[0]
        assert 401 == (await asked(d, headers={**HEADERS, "Authorization": "Bearer "}))[0]


@pytest.mark.parametrize(
    ("path", "caller", "status"),
    [
        ("/api/v1/dialogues/africastalking/s2", PHONE, 404),
        ("/api/v1/dialogues/nobody/s1", PHONE, 404),
        (PATH, "+989161234568", 404),
        (PATH, "4040", 400),
        (PATH, "", 400),
        ("/api/v1/nothing", PHONE, 404),
    ],
)
async def test_what_is_not_there_is_said(desk, path, caller, status):
    async with desk(api_tokens={"console": TOKEN}) as d:
        await d.ussd()
        got, body, _ = await asked(d, path, {**HEADERS, "X-Rasad-Msisdn": caller})

    assert (status, {"error"}) == (got, body.keys())


async def test_everybody_may_read_the_description(desk):
    async with desk() as d:
        status, body, _ = await asked(d, "/api/v1/openapi.json", {})

    operation = body["paths"]["/api/v1/dialogues/{channel}/{session}"]["get"]
    answered = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert (200, "3.1.0") == (status, body["openapi"])
    assert {"200", "400", "401", "404", "503"} == operation["responses"].keys()
    assert "screen" in body["components"]["schemas"][answered]["properties"]


async def test_who_looked_is_in_the_log_by_name_and_never_by_token(desk, capsys):
    async with desk(api_tokens={"console": TOKEN}) as d:
        await d.ussd()
        await asked(d)

    told = capsys.readouterr().out
    assert 1 == told.count("dialogue_read")
    assert "console" in told
    assert TOKEN not in told
    assert PHONE not in told
