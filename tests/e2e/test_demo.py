"""The whole demo as a process: started, dialled, texted, stopped. What the README shows, done."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from gateway.settings import SHIPPED_MENU
from simulators.demo import HOME

RASAD = [str(Path(sys.executable).parent / "rasad")]


def rasad(*arguments, **more):
    return subprocess.run(
        [*RASAD, *arguments], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, **more
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The address of a demo in a process group of its own."""
    var = tmp_path_factory.mktemp("var")
    process = subprocess.Popen(
        [*RASAD, "demo", "--port", "0", "--var", str(var)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        line = process.stdout.readline()
        yield re.fullmatch(r"ready: (http://127\.0\.0\.1:\d+)/\n", line)[1], process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_letter_in_one_dial(demo):
    url, _ = demo
    done = rasad("dial", "*4*061*12345#", "--url", url)

    assert 0 == done.returncode
    assert done.stdout.startswith("نامه 12345\nدر حال بررسی\nپاسخ تا ")


def test_an_outage_of_the_sms_side_delays_an_answer_and_loses_none(demo):
    url, _ = demo

    def kannel(mode):
        body = json.dumps({"mode": mode}).encode()
        there = f"{url}/sim/v1/offices/kannel/fault"
        with urllib.request.urlopen(there, body, timeout=5) as response:  # noqa: S310  # this machine's
            assert 200 == response.status

    kannel("refuse")
    try:
        assert 1 == rasad("text", "4040", "110718", "--wait", "2", "--msisdn", "+989169990001", "--url", url).returncode
    finally:
        kannel("none")
    query = urllib.parse.urlencode({"msisdn": "+989169990001"})
    until = time.monotonic() + 40
    while True:
        with urllib.request.urlopen(f"{url}/sim/v1/inbox?{query}", timeout=5) as response:  # noqa: S310  # the same
            messages = json.load(response)["messages"]
        if messages or time.monotonic() > until:
            break
        time.sleep(0.5)
    assert ["110718" in each["text"] for each in messages] == [True]


def test_a_letter_in_three_screens(demo):
    url, _ = demo
    done = rasad("dial", "*4*061#", "1", "12345", "--url", url)

    assert 0 == done.returncode
    assert 3 == done.stdout.count("\n--\n")
    assert "نامه 12345" in done.stdout


def test_a_request_in_three_screens(demo):
    url, _ = demo
    done = rasad("dial", "*4*061#", "2", "2001000344", "--url", url)

    assert 0 == done.returncode
    assert "درخواست 2001000344\nمرحله 2 از 4\nمدرک کم: کپی شناسنامه" in done.stdout


def test_replies_beyond_the_end_fail(demo):
    url, _ = demo
    done = rasad("dial", "*4*061*31415#", "1", "--url", url)

    assert (1, True) == (done.returncode, "the session ended before '1'" in done.stderr)


@pytest.mark.parametrize(
    "arguments", [["*5*061#"], ["*4*061#", "--msisdn", "4040"], ["*4*061#", "--channel", "nobody"]]
)
def test_what_the_gateway_refuses_fails(demo, arguments):
    url, _ = demo
    done = rasad("dial", *arguments, "--url", url)

    assert 1 == done.returncode
    assert "Traceback" not in done.stderr


def test_nobody_there_fails():
    done = rasad("dial", "*4*061#", "--url", "http://127.0.0.1:9")

    assert (1, True) == (done.returncode, "cannot be reached" in done.stderr)


def test_an_sms_is_answered(demo):
    url, _ = demo
    done = rasad("text", "4040", "12345", "--wait", "20", "--url", url, "--msisdn", "+989160000011")

    assert 0 == done.returncode
    assert done.stdout.startswith("رصد: نامه 12345 در حال بررسی، دفتر حقوقی")


def test_an_sms_to_a_slow_office_is_answered_too(demo):
    url, _ = demo
    done = rasad("text", "4040", "31415", "--wait", "30", "--url", url, "--msisdn", "+989160000012")

    assert 0 == done.returncode
    assert done.stdout.startswith("رصد: نامه 31415 در حال بررسی")


def test_an_sms_nobody_answers_in_time_fails(demo):
    url, _ = demo
    done = rasad("text", "4040", "31415", "--wait", "1", "--url", url, "--msisdn", "+989160000013")

    assert (1, "no answer within 1 s\n") == (done.returncode, done.stderr)


def test_rehearsals_pass_and_fail_with_a_diff(demo, tmp_path):
    url, _ = demo
    good = Path(__file__).parent.parent / "conversations" / "letter_unknown.yaml"
    bad = tmp_path / "bad.yaml"
    bad.write_text(good.read_text(encoding="utf-8").replace("2)راهنما", "2)کمک"), encoding="utf-8")

    assert 0 == rasad("rehearse", str(good), "--url", url).returncode
    done = rasad("rehearse", str(bad), "--url", url)
    assert 1 == done.returncode
    assert "-2)کمک\n+2)راهنما" in done.stdout


def test_every_channel_is_played_and_what_cannot_be_is_said(demo, tmp_path):
    url, _ = demo
    here = tmp_path / "played"
    here.mkdir()
    (here / "a.yaml").write_text("steps:\n  - dial: '*4*061*99999#'\n", encoding="utf-8")
    (here / "b.yaml").write_text("wire: [sms]\nsteps:\n  - text: '12345'\n  - sms: <words>\n", encoding="utf-8")

    done = rasad("rehearse", str(here), "--all-channels", "--url", url)
    lines = done.stdout.splitlines()
    assert (0, "") == (done.returncode, done.stderr)
    assert f"ok    africastalking  {here}/a.yaml" in lines
    assert f"n/a   africastalking  {here}/b.yaml: its wire is sms" in lines
    assert f"n/a   kannel  {here}/a.yaml: its wire is ussd" in lines
    assert f"ok    kannel  {here}/b.yaml" in lines
    assert re.fullmatch(r"\d+ passed, 0 failed, \d+ not applicable", lines[-1])

    done = rasad("rehearse", str(here / "b.yaml"), "--channel", "inoti", "--url", url)
    assert (1, "nothing was played\n") == (done.returncode, done.stderr)
    assert done.stdout.endswith("0 passed, 0 failed, 1 not applicable\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--channel", "nobody"], "there is no channel nobody; there are "),
        (["--channel", "kannel", "--all-channels"], "exclude each other"),
    ],
)
def test_rehearsals_that_cannot_begin_say_why(demo, arguments, told):
    url, _ = demo
    done = rasad("rehearse", str(Path(__file__).parent.parent / "conversations"), *arguments, "--url", url)

    assert (1, True, "") == (done.returncode, told in done.stderr, done.stdout)
    assert "Traceback" not in done.stderr


def test_a_recorded_call_with_its_sms_plays_back(demo, tmp_path):
    url, _ = demo
    file = tmp_path / "slow.yaml"
    done = rasad("dial", "*4*061*31415#", "--wait", "30", "--record", str(file), "--url", url)

    assert 0 == done.returncode, done.stderr
    assert "رصد: نامه 31415 در حال بررسی" in done.stdout
    assert ["dial", "see", "sms"] == [
        line.split()[1].rstrip(":") for line in file.read_text().splitlines() if "- " in line[:4]
    ]
    assert 0 == rasad("rehearse", str(file), "--url", url).returncode

    again = rasad("dial", "*4*061#", "--record", str(file), "--url", url)
    assert (1, "", f"{file} is there already\n") == (again.returncode, again.stdout, again.stderr)


def test_an_sms_that_is_waited_for_in_vain_fails(demo):
    url, _ = demo
    done = rasad("dial", "*4*061*99999#", "--wait", "0.3", "--url", url)

    assert (1, "no SMS within 0.3 s\n") == (done.returncode, done.stderr)


def test_persian_is_arranged_when_asked_for(demo):
    url, _ = demo
    done = rasad("dial", "*4*061*12345#", "--rtl", "visual", "--url", url)

    assert "12345 همان" == unicodedata.normalize("NFKC", done.stdout.splitlines()[0])


class Terminal:
    """`rasad dial` on a terminal of its own, its keys pressed by the test."""

    def __init__(self, *arguments):
        self.mine, theirs = pty.openpty()
        environ = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
        # Its controlling terminal, or Ctrl-C would be a letter like others.
        self.process = subprocess.Popen(
            [*RASAD, "dial", *arguments], env=environ, preexec_fn=lambda: os.login_tty(theirs)
        )
        os.close(theirs)
        self.text = ""

    def until(self, wanted, within_s=20):
        deadline = time.monotonic() + within_s
        while wanted not in self.text:
            assert time.monotonic() < deadline, self.text
            if select.select([self.mine], [], [], 0.2)[0]:
                self.text += os.read(self.mine, 4096).decode("utf-8", "replace")
        seen, _, self.text = self.text.partition(wanted)
        return seen

    def press(self, keys):
        os.write(self.mine, keys)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.mine)


@pytest.fixture
def terminal():
    opened = []

    def dial(*arguments):
        opened.append(Terminal(*arguments))
        return opened[-1]

    yield dial
    for each in opened:
        each.close()


@pytest.mark.parametrize("end", [b"\x1b[F", b"\x04", b"\x03"], ids=["End", "Ctrl-D", "Ctrl-C"])
def test_a_keyboard_has_the_keys_of_a_phone(demo, terminal, end, tmp_path):
    url, _ = demo
    phone = terminal("*4*061*1040610014#", "--rtl", "terminal", "--url", url, "--record", str(tmp_path / "c.yaml"))
    assert "9)ادامه" in phone.until("\n> ")
    phone.press(b"\x1b[6~")
    assert "1)مراحل" in phone.until("\n> ")
    phone.press(b"1\n")
    assert "مراحل، از آخر" in phone.until("\n> ")
    phone.press(b"\x1b[5~")
    assert "نامه 777" in phone.until("\n> ")
    phone.press(end)
    try:
        phone.until("is written", within_s=10)
    except AssertionError:  # between the prompt and the wait for a key readline misses a signal; so she presses again
        phone.press(end)
        phone.until("is written")

    assert 0 == phone.process.wait(timeout=10)
    assert 0 == rasad("rehearse", str(tmp_path / "c.yaml"), "--url", url).returncode


def test_a_terminal_that_arranges_nothing_gets_it_arranged(demo, terminal):
    url, _ = demo
    phone = terminal("*4*061*12345#", "--url", url)

    assert "12345 همان" in unicodedata.normalize("NFKC", phone.until("\n> "))


def test_the_interface_stays_when_stdin_is_no_terminal(demo):
    url, _ = demo
    done = subprocess.run(
        [*RASAD, "dial", "*4*061#", "--url", url], input="1\n", capture_output=True, text=True, timeout=30, check=False
    )

    assert (0, 1) == (done.returncode, done.stdout.count("--\n"))


def test_a_second_demo_by_mistake_leaves_the_first_alone(demo, tmp_path_factory):
    url, process = demo
    var = process.args[process.args.index("--var") + 1]
    done = rasad("demo", "--port", url.rpartition(":")[2], "--var", var)

    assert (1, True) == (done.returncode, "cannot listen on 127.0.0.1" in done.stderr)
    assert 0 == rasad("text", "4040", "12345", "--url", url, "--msisdn", "+989160000014").returncode


def test_ctrl_c_ends_all_of_it_within_5_s(demo):
    """With a question to the slow office open. Last of those that use the demo of this module: it stops it."""
    url, process = demo
    waiting = subprocess.Popen([*RASAD, "dial", "*4*061*31415#", "--url", url], stdout=-3, stderr=-3, stdin=-3)
    time.sleep(2)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)

    assert 0 == process.wait(timeout=5)
    assert time.monotonic() - began < 5
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    waiting.wait(timeout=10)


def test_a_port_that_is_taken_is_said_in_a_line(demo, tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = rasad("demo", "--port", str(taken.getsockname()[1]), "--var", str(tmp_path))

    assert 1 == done.returncode
    assert "cannot listen on 127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr


class TestServe:
    @pytest.fixture
    def environ(self):
        urls = dict.fromkeys(
            (
                "SECRETARIAT_URL",
                "SLOW_SECRETARIAT_URL",
                "FAILING_SECRETARIAT_URL",
                "DEAD_SECRETARIAT_URL",
                "SERVICES_URL",
                "KANNEL_URL",
                "SMS_PROVIDERS_URL",
            ),
            "http://127.0.0.1:9",
        )
        return {
            **os.environ,
            **urls,
            "KANNEL_PASSWORD": "x",
            "SMS_PROVIDERS_KEY": "x",
            "SMPP_PORT": "9",
            "SMPP_PASSWORD": "x",
        }

    @pytest.fixture
    def served(self, tmp_path, environ):
        """The address of a `rasad serve` in tmp_path, its settings in tmp_path/config."""
        config = shutil.copytree(HOME / "config", tmp_path / "config")
        assert 0 == rasad("keys", "new", "var/keys.yaml", cwd=tmp_path).returncode
        assert 1 == rasad("keys", "new", "var/keys.yaml", cwd=tmp_path).returncode
        process = subprocess.Popen(
            [*RASAD, "serve", "--config", str(config), "--port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path, env=environ,
        )  # fmt: skip
        try:
            yield re.fullmatch(r"ready: (http://127\.0\.0\.1:\d+)/\n", process.stdout.readline())[1]
        finally:
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(timeout=5)
            process.stdout.close()

    def test_it_serves_the_settings_it_is_given(self, served):
        done = rasad("dial", "*4*061#", "1", "12345", "--url", served)
        assert 0 == done.returncode
        assert "سامانه اداره فعلا قطع است." in done.stdout

    def test_a_menu_published_beside_it_reaches_the_next_dial_within_2_s(self, served, tmp_path, environ):
        folder = shutil.copytree(SHIPPED_MENU, tmp_path / "menu")
        common = folder / "common.yaml"
        sound = common.read_text(encoding="utf-8")

        def published(text):
            common.write_text(text, encoding="utf-8")
            return rasad("menu", "publish", "menu", cwd=tmp_path, env=environ)

        def title(session):
            form = {"sessionId": session, "serviceCode": "*4*061#", "phoneNumber": "+989161234567", "text": ""}
            url, body = f"{served}/ussd/africastalking", urllib.parse.urlencode(form).encode()
            with urllib.request.urlopen(url, body, timeout=5) as response:  # noqa: S310  # this machine's
                return response.read().decode().split("\n")[0]

        assert re.fullmatch(r"menu \w{12} is the published one already: .*\n", published(sound).stdout)
        faulty = published(sound.replace("start: main", "start: nowhere"))
        line = 1 + sound[: sound.index("start: main")].count("\n")
        assert (1, f"menu/common.yaml:{line}: start: there is no nowhere\n") == (faulty.returncode, faulty.stderr)
        assert "CON رصد خوزستان" == title("before")

        done = published(sound.replace("رصد خوزستان", "رصد تازه"))
        began = time.monotonic()
        assert (0, True) == (done.returncode, re.fullmatch(
            r"menu \w{12} is published: \d+ screens and asks in fa, ar, en\n", done.stdout) is not None)  # fmt: skip
        while time.monotonic() - began < 2 and title(f"at {time.monotonic()}") != "CON رصد تازه":
            time.sleep(0.05)
        assert "CON رصد تازه" == title("after")

    def test_publishing_without_keys_is_refused(self, tmp_path, environ):
        done = rasad("menu", "publish", str(SHIPPED_MENU), "--config", str(HOME / "config"), cwd=tmp_path, env=environ)

        assert (1, "var/keys.yaml: no keys here; `rasad keys new var/keys.yaml` makes them\n") == (
            done.returncode, done.stderr)  # fmt: skip
        assert not (tmp_path / "var").exists()

    def test_settings_that_do_not_hold_stop_it(self, tmp_path):
        done = rasad("serve", "--config", str(tmp_path / "none"))

        assert (1, True) == (done.returncode, "say where the settings are with --config DIR" in done.stderr)

    def test_more_workers_than_the_sessions_allow_are_refused(self, environ):
        done = rasad("serve", "--workers", "2", "--config", str(HOME / "config"), env=environ)

        assert (1, True) == (done.returncode, "for --workers 2 set sessions.redis in " in done.stderr)


def test_the_shipped_menu_and_settings_check():
    assert 0 == rasad("menu", "check").returncode
    names = (
        "SECRETARIAT_URL",
        "SLOW_SECRETARIAT_URL",
        "FAILING_SECRETARIAT_URL",
        "DEAD_SECRETARIAT_URL",
        "SERVICES_URL",
        "KANNEL_URL",
        "SMS_PROVIDERS_URL",
    )
    environ = {
        **os.environ,
        **dict.fromkeys(names, "http://127.0.0.1:9"),
        "KANNEL_PASSWORD": "x",
        "SMS_PROVIDERS_KEY": "x",
        "SMPP_PORT": "9",
        "SMPP_PASSWORD": "x",
    }
    config = Path(__file__).parent.parent.parent / "config"
    assert 0 == rasad("config", "check", "--config", str(config), env=environ).returncode


def test_a_menu_is_printed_drawn_described_and_tried(tmp_path):
    import json

    printed = rasad("menu", "print", "--lang", "en", "--today", "2026-11-22").stdout
    assert "### letter_status (ussd, found, in_progress)" in printed
    assert "septets" in printed
    assert rasad("menu", "graph").stdout.startswith("flowchart TD\n")
    assert "properties" in json.loads(rasad("menu", "schema").stdout)
    tried = subprocess.run(
        [*RASAD, "menu", "try"], input="1\n12345\n", capture_output=True, text=True, timeout=30, check=False
    )
    assert (0, True) == (tried.returncode, "نامه 12345\nدر حال بررسی" in tried.stdout)
    assert 1 == rasad("menu", "print", "--lang", "xx").returncode


def test_only_the_screens_that_are_named_are_printed():
    done = rasad("menu", "print", str(SHIPPED_MENU), "help", "main", "--lang", "fa")

    assert (0, {"help", "main"}) == (done.returncode, set(re.findall(r"^### (\w+)", done.stdout, re.M)))
    done = rasad("menu", "print", str(SHIPPED_MENU), "help", "letter_statu", "find_letter")
    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(
        "there is no screen letter_statu; did you mean letter_status?\nthere is no screen find_letter\nthere are ask_letter_number, "
    )
    assert ", which_letter, will_text\n" in done.stderr


def test_a_screen_that_does_not_fit_is_told_with_file_and_line(tmp_path):
    folder = shutil.copytree(SHIPPED_MENU, tmp_path / "menu")
    path = folder / "letters.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("شماره نامه را وارد کنید", "ا" * 80, 1), encoding="utf-8")
    done = rasad("menu", "check", str(folder))

    assert 1 == done.returncode
    assert re.match(rf"{re.escape(str(path))}:\d+: ask_letter_number \[fa", done.stderr)


def test_a_faulty_menu_is_told_with_file_and_line(tmp_path):
    (tmp_path / "common.yaml").write_text(
        "languages: [fa]\nmain: {text: {fa: سلام}, choices: [{a: {text: x, next: y}}]}\n"
    )
    done = rasad("menu", "check", str(tmp_path))

    assert 1 == done.returncode
    assert f"{tmp_path}/common.yaml:2: there is no screen y" in done.stderr
