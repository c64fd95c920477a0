"""Mistakes in the settings stop the start with file, line and what was expected."""

import shutil

import pytest

from gateway import app, settings_files
from menus.source import Faulty
from simulators.demo import HOME

ENVIRON = {
    "SECRETARIAT_URL": "http://127.0.0.1:1",
    "SLOW_SECRETARIAT_URL": "http://127.0.0.1:1",
    "FAILING_SECRETARIAT_URL": "http://127.0.0.1:1",
    "DEAD_SECRETARIAT_URL": "http://127.0.0.1:1",
    "SERVICES_URL": "http://127.0.0.1:1",
    "KANNEL_URL": "http://127.0.0.1:1/cgi-bin/sendsms",
    "KANNEL_PASSWORD": "secret",
    "SMS_PROVIDERS_URL": "http://127.0.0.1:1",
    "SMS_PROVIDERS_KEY": "secret",
    "SMPP_PORT": "2775",
    "SMPP_PASSWORD": "secret",
}


@pytest.fixture
def config(tmp_path):
    return shutil.copytree(HOME / "config", tmp_path / "config")


def faults(config, environ=ENVIRON):
    with pytest.raises(Faulty) as faulty:
        app.check(settings_files.read(config, environ)).whole()
    return [(fault.file.removeprefix(f"{config}/"), fault.line, fault.message) for fault in faulty.value.faults]


def test_the_shipped_settings_hold(config):
    checked = app.check(settings_files.read(config, ENVIRON))

    assert {"africastalking", "inoti", "json", "restcomm", "truroute"} == set(checked.settings.ussd)
    assert {"africastalking", "kannel", "kavenegar", "magfa"} == set(checked.settings.sms)
    assert {"smpp"} == set(checked.settings.smpp)
    assert {"secretariat", "slow_secretariat", "failing_secretariat", "dead_secretariat", "services"} == set(
        checked.backends
    )


MISTAKES = [
    ("gateway.yaml", "port: 8061", "port: many", 4, "port: a whole number was expected"),
    ("gateway.yaml", "port: 8061", "prot: 8061", 4, "prot is not a key we know here; did you mean port?"),
    ("gateway.yaml", "port: 8061", "port: 08061", 4, 'YAML reads 08061 as something else: write "08061"'),
    ("channels/africastalking.yaml", "auth: none", "auth: open", 5, "auth: 'open' is neither none nor what is asked for"),
    ("channels/africastalking.yaml", "auth: none  ", "# auth: none  ", 3, "auth is missing"),
    ("channels/africastalking.yaml", "auth: none", "auth: {secret_path: \"${KANNEL_PASSWORD}\"}", 5, "secret_path needs 22 characters"),
    ("channels/africastalking.yaml", "carries: ussd", "carries: fax", 3, "carries: 'fax' is none of 'ussd'"),
    ("channels/africastalking.yaml", "dialect: africastalking", "dialect: atalk", 1, "dialect: 'atalk' is none of africastalking"),
    ("channels/africastalking.yaml", "later_by: kannel", "later_by: pigeon", 10, "there is no SMS channel pigeon"),
    ("channels/africastalking.yaml", "max_units: 70", "max_units: 90", 9, "page.max_units: must be less than or equal to 80"),
    ("channels/smpp.yaml", "password: \"${SMPP_PASSWORD}\"", "password: \"${KANNEL_URL}\"", 7, "password: "),
    ("channels/smpp.yaml", "later_by: smpp", "later_by: pigeon", 15, "there is no SMS channel pigeon"),
    ("channels/smpp.yaml", "later_by: smpp  ", "push: notify  ", 10, "push: notify needs later_by"),
    ("channels/restcomm.yaml", "later_by: kannel", "later_by: kannel\npush: notify", 3, "push: notify needs push_to: {url: ...}"),
    ("channels/restcomm.yaml", "later_by: kannel", "push: notify\npush_to: {url: \"http://127.0.0.1:1/\"}", 3, "push: notify needs later_by"),
    ("channels/restcomm.yaml", "later_by: kannel", "later_by: kannel\npush_to: {url: 127.0.0.1}", 8, "push_to.url: "),
    ("channels/json.yaml", "later_by: kannel", "later_by: kannel\npush: notify\npush_to: {url: \"http://127.0.0.1:1/\"}", 8, "push: json shows nothing by itself; over HTTP only restcomm does"),
    ("channels/smpp.yaml", "profile: spec", "profile: telco", 12, "ussd.profile: 'telco' is none of 'spec' or 'mica'"),
    ("channels/smpp.yaml", "profile: spec", "profile: {sesion: its_session_info}", 12, "ussd.profile.sesion is not a key we know here; did you mean session?"),
    ("channels/smpp.yaml", "profile: spec", "profile:\n    session_bits: 15\n    end: 256", 14, "ussd.profile.end: must be less than or equal to 255"),
    ("channels/smpp.yaml", "profile: spec", "profile:\n    end: 0x17", 13, 'YAML reads 0x17 as something else: write "0x17"'),
    ("channels/smpp.yaml", "profile: spec", "profile: {released: [129, 18]}", 12, "ussd.profile: 0x12 is reply and released; each operation of theirs may mean one thing"),
    ("channels/smpp.yaml", "profile: spec", "profile: {end: 2, end_bit: false}", 12, "ussd.profile: ask and end are the same operation"),
    ("channels/smpp.yaml", "profile: spec", "profile: {notify: 2}", 12, "ussd.profile: 0x02 is notify and a screen too"),
    ("channels/smpp.yaml", "profile: spec", "profile: {session: user_message_reference, session_bits: 15}", 12, "ussd.profile: session_bits is of its_session_info"),
    ("channels/smpp.yaml", "profile: spec", "profile: [spec]", 12, "ussd.profile: keys with values were expected"),
    ("channels/smpp.yaml", "profile: spec", "ucs2_coding: 17", 12, "ussd.ucs2_coding: 17 wants the text's language before"),
    ("channels/smpp.yaml", "window: 10", "window: 10\nca_file: /nowhere.pem", 3, "ca_file: there is no file /nowhere.pem"),
    ("channels/smpp.yaml", 'sms: {sender: "4040", parts: 3}', "", 15, "there is no SMS channel smpp"),
    ("backends/services.yaml", "kind: rest", "kind: fax", 3, "kind: 'fax' is none of ece, register, rest, soap, sql"),
    ("backends/services.yaml", "cases: request", "cases: request[", 12, "is no JMESPath expression"),
    ("backends/services.yaml", "IN_REVIEW: in_progress", "IN_REVIEW: reviewing", 28, "states.IN_REVIEW: 'reviewing' is none of"),
    ("backends/services.yaml", "deadline_s: 20", "deadline_s: soon", 7, "deadline_s: a number was expected"),
    ("backends/services.yaml", "inside: [127.0.0.1/32]", "inside: []", 6, "base_url: 127.0.0.1: not a public address, and in no network"),
    ("backends/services.yaml", "inside: [127.0.0.1/32]", "inside: [0.0.0.0/0]", 5, "is not part of a private network"),
    ("backends/services.yaml", "kind: rest", "kind: rest\nauth: {kind: digest}", 4, "auth"),
    ("backends/services.yaml", "kind: rest", "kind: rest\nauth: {kind: hmac}", 4, "secret is missing"),
    ("backends/services.yaml", "last_known: {keep_days: 30}", "last_known: {}", 33, "last_known.keep_days is missing"),
    ("backends/services.yaml", "query: {code: exact}", "query: {code: exatc}", 10, "if it is meant so, {literal: exatc}"),
    ("backends/services.yaml", "{path: /requests/status, query: {code: exact}}", "{path: /requests/status, method: POST, form: {code: exact}}", 10, "repeatable: true or false is missing"),
    ("channels/africastalking.yaml", "reserve_s: 4", "reserve_s: 8", 8, "must be less than answer_within_s"),
    ("gateway.yaml", "port: 8061", "port: 8061\nsms: {again_after_s: []}", 5, "sms.again_after_s: List should have at least 1"),
    ("gateway.yaml", "port: 8061", 'port: 8061\napi_tokens: {console: "${KANNEL_PASSWORD}"}', 5, "a token needs 22 characters or more"),
    ("gateway.yaml", "port: 8061", "port: 8061\napi_tokens: {console: 4f9a1c0de7b24a6f8d3e5b17}", 5, "this looks like a secret in plain"),
    ("gateway.yaml", "port: 8061", "port: .inf", 4, "YAML reads .inf as a number"),
    ("gateway.yaml", "host: 127.0.0.1", 'host: ""', 3, "host: String should have at least 1 character"),
    ("backends/services.yaml", "kind: rest", "kind: [rest]", 3, "kind: ['rest'] is none of ece, register, rest, soap, sql"),
    ("routes.yaml", "backend: services", "backend: nobody", 11, "there is no backends/nobody.yaml"),
    ("routes.yaml", 'numbers: "31415"', 'numbers: "314("', 5, "is no pattern"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "right", "wrong", "line", "message"), MISTAKES, ids=[case[2] for case in MISTAKES])
def test_a_mistake_is_named_with_file_and_line(config, file, right, wrong, line, message):
    text = (config / file).read_text(encoding="utf-8")
    assert right in text
    (config / file).write_text(text.replace(right, wrong, 1), encoding="utf-8")

    found = faults(config)

    assert [(file, line)] == [each[:2] for each in found]
    assert message in found[0][2]


@pytest.mark.parametrize(
    "auth",
    ["kind: basic, username: a, password: b", "kind: bearer, token: b", "kind: api_key, header: X-K, api_key: b",
     "kind: oauth2, token_url: https://o.example, client_id: a, client_secret: b", "kind: hmac, secret: b"],
)  # fmt: skip
def test_an_offices_secret_in_plain_is_a_fault(config, auth):
    path = config / "backends/services.yaml"
    path.write_text(path.read_text("utf-8").replace("kind: rest", f"kind: rest\nauth: {{{auth}}}", 1), "utf-8")

    file, line, message = faults(config)[0]
    assert ("backends/services.yaml", 4) == (file, line)
    assert "a secret stands here in plain; write ${NAME} here" in message


def test_several_mistakes_are_told_at_once(config):
    for file in ("channels/africastalking.yaml", "channels/kannel.yaml"):
        path = config / file
        path.write_text(path.read_text(encoding="utf-8") + "\nsurprise: 1\n", encoding="utf-8")

    assert 2 == len(faults(config))


def test_a_variable_that_is_not_set_is_named(config):
    environ = {name: value for name, value in ENVIRON.items() if name != "KANNEL_PASSWORD"}

    assert [("channels/kannel.yaml", 7, "the environment has no KANNEL_PASSWORD")] == faults(config, environ)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert "say where the settings are with --config DIR" in faults(tmp_path / "nowhere")[0][2]


def test_a_route_the_menu_needs_must_exist(config):
    path = config / "routes.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("requests:", "questions:"), encoding="utf-8")

    assert (
        "there is no route requests; there are escalate, follow, letters, questions, rate, remember_language, unfollow"
        == faults(config)[0][2]
    )


def test_settings_without_a_channel_serve_nobody(config):
    shutil.rmtree(config / "channels")

    assert "there is no channel here: no *.yaml file" == faults(config)[0][2]


def test_secrets_do_not_stand_in_a_repr(config):
    read = settings_files.read(config, ENVIRON)

    assert "secret" not in repr(read.sms["kannel"].send)


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("sessions", "{{redis: 'redis://:{secret}@127.0.0.1:6379/0'}}"),
        ("sessions", "{{redis: {{url: 'redis://:{secret}@127.0.0.1:6379/0'}}}}"),
        ("sessions", "{{redis: '{secret}@127.0.0.1'}}"),
        ("sessions", "{{redis: ''}}"),
        ("database", "'postgresql+asyncpg://rasad:{secret}@127.0.0.1/rasad'"),
    ],
)
@pytest.mark.parametrize("secret", ["hush#hush", "hush/hush", "hush@hush"])
def test_a_password_that_breaks_its_url_is_not_told(config, key, url, secret):
    (config / "gateway.yaml").write_text(f"{key}: {url.format(secret='${HUSH}')}\n", "utf-8")

    found = faults(config, {**ENVIRON, "HUSH": secret})

    assert ["gateway.yaml"] == [file for file, _, _ in found]
    assert "expected " in found[0][2]
    assert "%23 for #" in found[0][2]
    assert "hush" not in str(found)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://rasad:${HUSH}@127.0.0.1:5432/rasad",
        "postgresql+asyncpg://rasad@/rasad?host=/run/postgresql",
        "postgresql+asyncpg:///rasad",
        "sqlite+aiosqlite:////var/lib/rasad/rasad.db",
    ],
)
def test_a_database_that_can_be_reached_is_taken_as_it_stands(config, url):
    (config / "gateway.yaml").write_text(f"database: {url}\n", "utf-8")

    found = settings_files.read(config, {**ENVIRON, "HUSH": "hush%23hush"})
    assert url.replace("${HUSH}", "hush%23hush") == found.gateway.database
