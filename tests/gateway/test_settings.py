"""Mistakes in the settings stop the start with file, line and what was expected."""

import shutil

import pytest

from gateway import app, settings
from menus.source import Faulty
from simulators.demo import HOME

ENVIRON = {
    "SECRETARIAT_URL": "http://127.0.0.1:1",
    "SLOW_SECRETARIAT_URL": "http://127.0.0.1:1",
    "SERVICES_URL": "http://127.0.0.1:1",
    "KANNEL_URL": "http://127.0.0.1:1/cgi-bin/sendsms",
    "KANNEL_PASSWORD": "secret",
}


@pytest.fixture
def config(tmp_path):
    return shutil.copytree(HOME / "config", tmp_path / "config")


def faults(config, environ=ENVIRON):
    with pytest.raises(Faulty) as faulty:
        app.check(settings.read(config, environ)).whole()
    return [(fault.file.removeprefix(f"{config}/"), fault.line, fault.message) for fault in faulty.value.faults]


def test_the_shipped_settings_hold(config):
    checked = app.check(settings.read(config, ENVIRON))

    assert {"africastalking"} == set(checked.settings.ussd)
    assert {"kannel"} == set(checked.settings.sms)
    assert {"secretariat", "slow_secretariat", "services"} == set(checked.backends)


MISTAKES = [
    ("gateway.yaml", "port: 8061", "port: many", 4, "port: input should be a valid integer"),
    ("gateway.yaml", "port: 8061", "prot: 8061", 4, "prot is not a key we know here"),
    ("gateway.yaml", "port: 8061", "port: 08061", 4, 'YAML reads 08061 as something else: write "08061"'),
    ("channels/africastalking.yaml", "auth: none", "auth: open", 5, "auth.kind: 'open' is none of 'none' or 'secret_path'"),
    ("channels/africastalking.yaml", "auth: none  ", "# auth: none  ", 3, "auth is missing"),
    ("channels/africastalking.yaml", "auth: none", "auth: {secret_path: \"${KANNEL_PASSWORD}\"}", 5, "secret_path needs 22 characters"),
    ("channels/africastalking.yaml", "carries: ussd", "carries: fax", 3, "carries: 'fax' is none of 'ussd'"),
    ("channels/africastalking.yaml", "dialect: africastalking", "dialect: atalk", 1, "dialect: 'atalk' is none of africastalking"),
    ("channels/africastalking.yaml", "later_by: kannel", "later_by: pigeon", 10, "there is no SMS channel pigeon"),
    ("channels/africastalking.yaml", "max_units: 70", "max_units: 90", 9, "page.max_units: Input should be less than or equal to 80"),
    ("backends/services.yaml", "kind: rest", "kind: fax", 3, "kind: 'fax' is none of rest"),
    ("backends/services.yaml", "cases: request", "cases: request[", 11, "is no JMESPath expression"),
    ("backends/services.yaml", "IN_REVIEW: in_progress", "IN_REVIEW: reviewing", 27, "states.IN_REVIEW: 'reviewing' is none of"),
    ("backends/services.yaml", "deadline_s: 20", "deadline_s: soon", 6, "deadline_s: input should be a valid number"),
    ("channels/africastalking.yaml", "reserve_s: 4", "reserve_s: 8", 8, "must be less than answer_within_s"),
    ("gateway.yaml", "port: 8061", "port: 8061\nsms: {again_after_s: []}", 5, "sms.again_after_s: List should have at least 1"),
    ("gateway.yaml", "port: 8061", "port: .inf", 4, "YAML reads .inf as a number"),
    ("gateway.yaml", "host: 127.0.0.1", 'host: ""', 3, "host: String should have at least 1 character"),
    ("backends/services.yaml", "kind: rest", "kind: [rest]", 3, "kind: ['rest'] is none of rest"),
    ("routes.yaml", "backend: services", "backend: nobody", 9, "there is no backends/nobody.yaml"),
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
        "there is no route requests; there are escalate, letters, questions, rate, remember_language"
        == faults(config)[0][2]
    )


def test_settings_without_a_channel_serve_nobody(config):
    shutil.rmtree(config / "channels")

    assert "there is no channel here: no *.yaml file" == faults(config)[0][2]


def test_secrets_do_not_stand_in_a_repr(config):
    read = settings.read(config, ENVIRON)

    assert "secret" not in repr(read.sms["kannel"].send)
