"""docs/channels.md does what it says: each configuration is served, each curl line gets the answer below it."""

import asyncio
import os
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from gateway.channels import listed
from gateway.settings_channels import UssdProfile
from simulators.demo import HOME

DOCUMENT = (HOME / "docs/channels.md").read_text(encoding="utf-8")
SECTIONS = {part.split("`")[1]: part for part in re.split(r"^## ", DOCUMENT, flags=re.M)[1:] if part.startswith("`")}
SECRET = "0123456789abcdefghijklmnop"
ACCOUNTS = dict.fromkeys(("KAVENEGAR_KEY", "MAGFA_PASSWORD", "AFRICASTALKING_KEY", "RESTCOMM_PASSWORD"), "x")


def commands(section):
    """(command, how its output begins) of a section's console blocks."""
    for block in re.findall(r"```console\n(.*?)```", section, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            yield command, output.rstrip("\n")


def test_every_dialect_has_its_section():
    assert {*listed.USSD, *listed.SMS} <= SECTIONS.keys()


@pytest.mark.needs("curl")
async def test_the_configurations_are_served_and_the_curl_lines_answered(desk, tmp_path):
    config = shutil.copytree(HOME / "config", tmp_path / "config")
    shutil.rmtree(config / "channels")
    (config / "channels").mkdir()
    for name, section in SECTIONS.items():
        described = re.search(r"```yaml\n(.*?)```", section, re.S)[1]
        # Nobody outside this machine is asked.
        described = re.sub(r"https://[a-z.]+", "http://127.0.0.1:9", described)
        (config / "channels" / f"{name}.yaml").write_text(described, encoding="utf-8")
    async with desk(config=config, environ={"SECRET": SECRET, **ACCOUNTS}) as d:
        for name, section in SECTIONS.items():
            tried = [*commands(section)]
            assert tried, name
            for command, begins in tried:
                line = command.replace("https://HOST", d.url).replace("/SECRET", f"/{SECRET}")
                done = await asyncio.to_thread(
                    subprocess.run, shlex.split(line), capture_output=True, text=True, check=True, timeout=30
                )
                output = done.stdout.replace("&#10;", "\n").replace("\\n", "\n")
                assert output.startswith(begins), f"{name}: {command}\n{done.stdout}"


def test_the_profiles_of_other_vendors_hold():
    written = [yaml.safe_load(line)["profile"] for line in re.findall(r"^profile: \{.*\}$", DOCUMENT, re.M)]

    assert [(15, 0x02), (15, 0x11), (8, 0x17)] == [
        (each.session_bits, each.end) for each in map(UssdProfile.model_validate, written)
    ]


@pytest.mark.needs("curl")
@pytest.mark.needs("openssl")
async def test_the_signing_lines_sign(desk, tmp_path, clock):
    """In its own words, but for the time: the test's clock stands still."""
    config = shutil.copytree(HOME / "config", tmp_path / "config")
    file = config / "channels/json.yaml"
    file.write_text(re.sub(r"auth: none", 'auth: {hmac: "${SECRET}"}', file.read_text("utf-8")), encoding="utf-8")
    script = re.search(r"```sh\n(.*?)```", DOCUMENT, re.S)[1]
    async with desk(config=config, environ={"SECRET": SECRET}) as d:
        script = script.replace("https://HOST", d.url).replace("$(date +%s)", str(int(clock.now().timestamp())))
        done = await asyncio.to_thread(
            subprocess.run, ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=30,
            env={"PATH": os.environ["PATH"], "SECRET": SECRET},
        )  # fmt: skip

    assert done.stdout.startswith('{"text": "رصد خوزستان')
