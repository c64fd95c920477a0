"""Phone numbers however they are spelled, through each dialect over the wire: one phone or a refusal in one line (C7)."""

import pytest
from structlog.testing import capture_logs
from yarl import URL

from gateway.channels import listed
from gateway.channels.contract import Reporting
from tests.corpora import MSISDNS
from tests.gateway.callbacks import SMS, USSD, message, receipt, ussd

HERS = "+989167654321"
CORPUS = [(kind, spelled, phone) for kind, several in MSISDNS.items() for spelled, phone in several]
WAYS = [*(("ussd", name) for name in USSD), *(("sms", name) for name in SMS), ("dlr", "africastalking")]


def test_the_corpus_and_the_ways_in_are_whole():
    assert (16, 128) == (len(MSISDNS), len(CORPUS))
    assert set(listed.USSD) == set(USSD)
    assert set(listed.SMS) - {"magfa"} == set(SMS)  # it calls nobody
    assert {name for name, each in listed.SMS.items() if isinstance(each, Reporting)} == set(SMS)


def callback(way, name, phone, number):
    match way:
        case "ussd":
            return ussd(name, phone, f"s{number}")[0]
        case "sms":
            return message(name, phone, str(number), f"2{int(number):05}")  # the same again and again is a robot's
        case _:
            return receipt(name, str(number), phone)


async def sent(d, way, name, phone, number):
    method, query, kind, body = callback(way, name, phone, number)
    url = URL(f"{d.url}/{way}/{name}" + (f"?{query}" if query else ""), encoded=True)
    async with d.http.request(method, url, data=body.encode() or None, headers={"Content-Type": kind}) as response:
        return response.status, await response.text()


EXAMPLE = "one like +989161234567"
INTAKE = {"refused", "turn", "sms_received", "sms_repeated", "sms_reported"}
"""What is logged of a request itself; workers and offices go on meanwhile."""


@pytest.mark.parametrize(("way", "name"), WAYS, ids=lambda each: str(each))
async def test_a_phone_is_one_number_or_refused_in_one_line(desk, way, name):
    async with desk() as d:
        for number, (kind, spelled, phone) in enumerate(CORPUS):
            with capture_logs() as lines:
                status, body = await sent(d, way, name, spelled, number)
                lines = [*lines]
            assert (200 if phone else 400) == status, (kind, spelled, body)
            assert not [each for each in lines if each["log_level"] == "error" or "exc_info" in each], spelled
            (line,) = [each for each in lines if each["event"] in INTAKE]
            assert (phone is None) == (line["event"] == "refused"), spelled
            assert len(spelled) <= 3 or spelled not in str(line).replace(EXAMPLE, ""), line
            assert phone or (1, True) == (body.count("\n"), body.endswith("\n"))
            assert 200 == (await sent(d, way, name, HERS, f"9{number:04}"))[0], spelled

        if way == "sms":
            phones = [phone for _, _, phone in CORPUS if phone]
            rows = await d.rows("message_in")
            assert sorted([*phones, *[HERS] * len(CORPUS)]) == sorted(row.msisdn for row in rows)
