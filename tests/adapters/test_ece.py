"""A folder of ECE files as an office: what stands in it is what is answered, whoever writes it and however."""

import asyncio
import os
from contextlib import AsyncExitStack
from datetime import date

import pytest
from pydantic import ValidationError

from adapters.contract import BackendUnreachable
from adapters.ece import Ece, EceConfig
from menus.ports import Ask, Found, Missing, Several, State, reference

NAMESPACE = "http://www.irica.com/ECE/1383-12/SendSchema"
NOW = 1_795_338_000_000_000_000  # 22 November 2026, in nanoseconds
DAY = 86_400_000_000_000


def ask(number):
    return Ask("letters", 1, reference(number))


def letter(
    number="12345", day="1405-08-25T10:30:00", *, show="jalali", sender="شهروند", receiver="استانداری", guid="",
    secrecy='Code="1" Name="عادی"', related="", namespace=NAMESPACE, desk="دفتر حقوقی", more="",
):  # fmt: skip
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Letter xmlns="{namespace}"><Protocol Name="ECE" Version="1.01"/>
<Software SoftwareDeveloper="x" Version="1" GUID="{guid}"/>
<Sender Organization="{sender}" Department="" Position="" Name="مریم" Code="1"/>
<Receiver Organization="{receiver}" Department="{desk}" Position="" Name="" Code="0" ReceiveType="Origin"/>
<LetterNo>{number}</LetterNo><LetterDateTime ShowAs="{show}">{day}</LetterDateTime>
<RelatedLetters>{related}</RelatedLetters><Subject>آسفالت</Subject>
<Priority Code="22" Name="فوری"/><Classification {secrecy}/>
<Origins><Origin ContentType="image/tiff" Extension="tif">AAAA</Origin></Origins>{more}</Letter>"""


class Desk:
    """The folder and its writer."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        self._count = 0

    def put(self, name, text, days_ago=0.0):
        file = self.path / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        self._count += 1  # times of one file system tick apart, as a real writer's would be
        stamp = int(NOW - days_ago * DAY) + self._count
        os.utime(file, ns=(stamp, stamp))
        return file


@pytest.fixture
def folder(tmp_path):
    return Desk(tmp_path / "ece")


@pytest.fixture
async def opened(folder):
    """opened(**file) is a backend on the folder that has looked at it."""
    async with AsyncExitStack() as stack:

        async def one(today=date(2026, 11, 22), unmapped=lambda _: None, **more):
            config = EceConfig(
                **{"kind": "ece", "case_kind": "letter", "folder": str(folder.path), "refresh_s": 0.01, "aside_after_s": 0, **more}
            )  # fmt: skip
            return await stack.enter_async_context(Ece(config, unmapped, lambda: today))

        yield one


async def until(condition):
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


async def taken(backend, put):
    """The folder is changed, and the backend has seen it."""
    await backend._looked.wait()
    before = backend._index
    put()

    async def seen():
        return backend._index is not before

    await until(seen)


async def case(backend, number="12345"):
    answer = await backend.look_up(ask(number))
    assert isinstance(answer, Found), answer
    return answer.case


async def test_a_file_becomes_a_case(opened, folder):
    folder.put("1.xml", letter())
    answer = await (await opened()).look_up(ask("12345"))

    assert isinstance(answer, Found)
    assert answer.as_of is None
    found = answer.case
    assert ("letter", "12345", State.REGISTERED, 1405) == (found.kind, found.number, found.state, found.year)
    assert ({"fa": "استانداری"}, {"fa": "دفتر حقوقی"}) == (found.organisation, found.desk)
    assert (date(2026, 11, 16), "آسفالت", "مریم") == (found.changed_on, found.subject, found.sender)
    assert not found.secret


@pytest.mark.parametrize(
    ("show", "day"),
    [
        ("jalali", "1405-08-25T10:30:00"), ("jalali", "1405/08/25"), ("jalali", "۱۴۰۵/۸/۲۵ 10:30"),
        ("gregorian", "2026-11-16T10:30:00"), ("gregorian", "2026-11-16"), ("gregorian", "2026-11-16T10:30:00.123+03:30"),
        # A Gregorian day that is to be shown as Jalali, as some vendors write it.
        ("jalali", "2026-11-16T10:30:00"), ("", "1405-08-25"),
    ],
)  # fmt: skip
async def test_days_are_read_in_both_calendars(opened, folder, show, day):
    folder.put("1.xml", letter(day=day, show=show))

    assert date(2026, 11, 16) == (await case(await opened())).changed_on


async def test_the_file_says_what_state_a_letter_here_is_in(opened, folder):
    folder.put("1.xml", letter())

    assert State.RECEIVED is (await case(await opened(state="received"))).state


async def test_values_may_be_elements_in_any_case(opened, folder):
    text = letter()
    text = text.replace('Organization="استانداری"', "").replace(
        'ReceiveType="Origin"/>', "><organization>استانداری</organization></Receiver>"
    )
    text = text.replace('<Classification Code="1" Name="عادی"/>', "<Classification>عادی</Classification>")
    folder.put("1.xml", text)
    found = await case(await opened())

    assert ({"fa": "استانداری"}, False) == (found.organisation, found.secret)


async def test_fields_of_the_file_itself_may_be_named(opened, folder):
    folder.put("1.xml", letter())
    fields = {"number": "number", "state": "state", "desk": 'letter.Priority."@Name"'}

    assert {"fa": "فوری"} == (await case(await opened(fields=fields))).desk


@pytest.mark.parametrize(
    ("secrecy", "secret"),
    [
        ('Code="1" Name="عادی"', False), ('Code="2" Name="عادي"', False), ('Code="1" Name="محرمانه"', True),
        ('Code="2" Name=""', True), ('Code="1" Name=""', False), ("", True), ('Name="سری"', True), ('Code="01"', True),
    ],
)  # fmt: skip
async def test_what_classification_does_not_call_open_is_secret(opened, folder, secrecy, secret):
    folder.put("1.xml", letter(secrecy=secrecy))

    assert secret == (await case(await opened(open_words=["عادی", "1"]))).secret


# --- by which number --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["220/1396/54321", "54321*1396*220", "220-1396-54321", "۲۲۰/۱۳۹۶/۵۴۳۲۱", "54321"])
async def test_a_letter_is_found_by_every_form_of_its_number(opened, folder, typed):
    folder.put("1.xml", letter("220/1396/54321"))

    assert "220/1396/54321" == (await case(await opened(), typed)).number


async def test_the_exact_number_comes_before_the_running_one(opened, folder):
    folder.put("1.xml", letter("220/1396/54321"))
    folder.put("2.xml", letter("54321"))

    assert "54321" == (await case(await opened(), "54321")).number


@pytest.mark.parametrize(
    "related",
    [
        "8/77", "8/77، 9/1", "<RelatedLetter><LetterNo>8/77</LetterNo><Date>1405/1/1</Date></RelatedLetter>",
        '<RelatedLetter LetterNo="8/77" RelationType="1"/>', "<RelatedLetter>8/77</RelatedLetter>",
    ],
)  # fmt: skip
async def test_a_letter_is_found_by_a_number_it_is_related_to(opened, folder, related):
    folder.put("1.xml", letter(related=related))

    assert "12345" == (await case(await opened(), "8/77")).number
    assert Missing() == await (await opened()).look_up(ask("77/9"))


async def test_the_same_number_in_two_organisations_or_years_is_several(opened, folder):
    folder.put("1.xml", letter())
    folder.put("2.xml", letter(receiver="شهرداری"))
    folder.put("3.xml", letter(day="1404-08-25"))
    answer = await (await opened()).look_up(ask("12345"))

    assert isinstance(answer, Several)
    assert 3 == len(answer.cases)


async def test_a_secret_letter_does_not_hide_an_open_one_of_the_same_running_number(opened, folder):
    folder.put("1.xml", letter("54321", secrecy='Name="سری"'))
    folder.put("2.xml", letter("220/54321"))

    answer = await (await opened()).look_up(ask("54321"))

    assert [("54321", True), ("220/54321", False)] == sorted(
        ((each.number, each.secret) for each in answer.cases), reverse=True
    )


# --- versions ---------------------------------------------------------------------------------------------------------

GUID = "{0200414A-0500-6F46-726D-73000053568B}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {}),
        ({"guid": GUID}, {"guid": GUID.lower().strip("{}")}),
        ({"guid": GUID, "day": "1405-08-25"}, {"guid": GUID, "day": "1405-08-26"}),
        ({"day": "1405-08-25T10:30:00"}, {"day": "2026-11-16T10:30:00"}),
        ({"receiver": "استانداري"}, {"receiver": "استانداری"}),
    ],
    ids=["the same file", "GUID", "GUID and another day", "another calendar", "another spelling"],
)
async def test_a_letter_that_stands_there_twice_is_one(opened, folder, first, second):
    folder.put("1.xml", letter(**first))
    folder.put("2.xml", letter(desk="دفتر فنی", **second))

    assert {"fa": "دفتر فنی"} == (await case(await opened())).desk


async def test_one_guid_for_all_letters_is_the_vendors(opened, folder):
    folder.put("1.xml", letter("22011", "1404-01-20", guid=GUID))
    folder.put("2.xml", letter("22011", "1405-01-20", guid=GUID))
    folder.put("3.xml", letter("22012", "1405-01-20", guid=GUID))
    backend = await opened()

    assert isinstance(await backend.look_up(ask("22011")), Several)
    assert "22012" == (await case(backend, "22012")).number


@pytest.mark.parametrize("order", [("1.xml", "2.xml"), ("2.xml", "1.xml")])
async def test_a_correction_replaces_and_an_older_file_never_does(opened, folder, order):
    texts = {
        "1.xml": (letter(), 2), "2.xml": (letter(secrecy='Name="محرمانه"', guid="g"), 1)
    }  # fmt: skip
    backend = await opened()
    for name in order:
        text, days_ago = texts[name]
        await taken(backend, lambda name=name, text=text, days_ago=days_ago: folder.put(name, text, days_ago))

    assert (await case(backend)).secret


async def test_an_old_copy_with_a_new_time_does_not_replace_a_later_letter(opened, folder):
    folder.put("2.xml", letter(day="1405-08-25T12:00:00", desk="دفتر فنی"), 5)
    folder.put("1.xml", letter(day="1405-08-25T10:00:00"), 0)

    assert {"fa": "دفتر فنی"} == (await case(await opened())).desk


async def test_when_a_correction_goes_the_version_before_does_not_come_back(opened, folder):
    folder.put("1.xml", letter(), 2)
    correction = folder.put("2.xml", letter(secrecy='Name="محرمانه"'), 1)
    backend = await opened()
    assert (await case(backend)).secret
    correction.unlink()

    async def gone():
        return Missing() == await backend.look_up(ask("12345"))

    await until(gone)
    await taken(backend, lambda: folder.put("3.xml", letter(), 0))
    assert not (await case(backend)).secret


# --- answers ----------------------------------------------------------------------------------------------------------

ANSWER = {"number": "5210", "day": "1405-08-28", "sender": "استانداری", "receiver": "شهروند", "related": "12345"}


@pytest.mark.parametrize(
    ("changed", "answered"),
    [
        ({}, True), ({"day": "1405-08-24"}, False), ({"sender": "شهرداری"}, False), ({"related": "12346"}, False),
        ({"sender": "شهروند", "receiver": "استانداری"}, False), ({"secrecy": 'Name="سری"'}, False),
    ],
    ids=["the receiver's", "an earlier one", "somebody else's", "about another", "the sender's own", "a secret one"],
)  # fmt: skip
async def test_a_later_letter_back_about_this_one_is_its_answer(opened, folder, changed, answered):
    folder.put("1.xml", letter())
    folder.put("2.xml", letter(**{**ANSWER, **changed}))
    found = await case(await opened(answers_from_related=True))

    assert ((State.ANSWERED, "5210") if answered else (State.REGISTERED, None)) == (found.state, found.answer_number)
    assert State.REGISTERED is (await case(await opened())).state


# --- the folder -------------------------------------------------------------------------------------------------------


async def test_files_that_come_change_and_go_are_followed(opened, folder):
    folder.put("0.xml", letter("999"))
    backend = await opened()
    assert Missing() == await backend.look_up(ask("12345"))

    await taken(backend, lambda: folder.put("1.xml", letter()))
    assert {"fa": "دفتر حقوقی"} == (await case(backend)).desk

    folder.put("1.xml", letter(desk="دفتر فنی"))

    async def changed():
        return {"fa": "دفتر فنی"} == (await case(backend)).desk

    await until(changed)
    (folder.path / "1.xml").unlink()

    async def gone():
        return Missing() == await backend.look_up(ask("12345"))

    await until(gone)


async def test_a_file_being_written_is_taken_once_it_is_still(opened, folder):
    folder.put("0.xml", letter("999"))
    backend = await opened(refresh_s=0.05)
    assert Missing() == await backend.look_up(ask("12345"))
    text = letter().encode()
    with (folder.path / "1.xml").open("wb") as file:
        for at in range(0, len(text), 80):
            file.write(text[at : at + 80])
            file.flush()
            await asyncio.sleep(0.01)
            assert Missing() == await backend.look_up(ask("12345"))

    async def shown():
        return Missing() != await backend.look_up(ask("12345"))

    await until(shown)
    assert not (folder.path / "aside").exists()
    assert "12345" == (await case(backend)).number


async def test_a_file_with_another_name_is_not_looked_at(opened, folder):
    for name in ("1.xml.part", "1.tmp", "1.txt", ".hidden"):
        folder.put(name, letter())
    folder.put("2.ECE", letter("2"))
    backend = await opened()

    assert Missing() == await backend.look_up(ask("12345"))
    assert "2" == (await case(backend, "2")).number


async def test_a_link_is_not_followed(opened, folder, watched):
    (folder.path / "1.xml").symlink_to(watched.path)
    folder.put("2.xml", letter())
    await case(await opened())

    assert not watched.opened


BAD = {
    "garbage": (b"\x00\xff" * 50, "octets that are not in the encoding it says"),
    "empty": (b"", "no well-formed XML"),
    "cut": (letter().encode()[:400], "no well-formed XML"),
    "HTML": (b"<html><body>12345</body></html>", "its root is no Letter"),
    "document type": (('<!DOCTYPE Letter [<!ENTITY e SYSTEM "file://SECRET">]>' + letter(more="&e;")[39:]).encode(), "a document type, and with it entities"),
    "wrong namespace": (letter(namespace="urn:evil").encode(), f"its Letter is in the namespace `urn:evil`, which is not of `namespaces` ({NAMESPACE})"),
    "no namespace": (letter(namespace="").encode(), f"its Letter is in the namespace ``, which is not of `namespaces` ({NAMESPACE})"),
    "no number": (letter(number="").encode(), "no LetterNo"),
    "a number nobody types": (letter(number="1" * 33).encode(), "it does not fit the fields of its backend file"),
    "no day": (letter(day="soon").encode(), "no LetterDateTime we can read"),
    "no such day": (letter(day="1405-13-40").encode(), "a LetterDateTime that is no day"),
    "huge": (letter(more="<x>" + "x" * 300_000 + "</x>").encode(), "more than 300000 octets"),
    "deep": (letter(more="<a>" * 100 + "</a>" * 100).encode(), "deeper than 32 elements"),
    "many": (letter(more="<a/>" * 20_000).encode(), "more than 10000 nodes"),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "reason"), BAD.values(), ids=BAD)
async def test_a_bad_file_is_set_aside_with_its_reason_and_hurts_no_other(opened, folder, watched, octets, reason):
    folder.put("bad.xml", octets.replace(b"SECRET", str(watched.path).encode()))
    folder.put("good.xml", letter("2"))
    backend = await opened(max_file_octets=300_000)

    async def aside():
        return (folder.path / "aside" / "bad.xml").exists()

    await until(aside)
    assert f"{reason}\n" == (folder.path / "aside" / "bad.xml.reason").read_text(encoding="utf-8")
    assert "2" == (await case(backend, "2")).number
    assert Missing() == await backend.look_up(ask("12345"))
    assert not watched.opened


async def test_what_is_set_aside_overwrites_nothing(opened, folder):
    backend = await opened()
    for octets in (b"<one/>", b"<two/>"):
        folder.put("bad.xml", octets)

        async def aside():
            return not (folder.path / "bad.xml").exists()

        await until(aside)
    assert backend.bad == {}
    found = {path.name: path.read_bytes() for path in (folder.path / "aside").iterdir() if path.suffix != ".reason"}
    assert {"bad.xml": b"<one/>", "bad.xml.2": b"<two/>"} == found


async def test_where_the_folder_is_not_ours_a_bad_file_stays_and_is_told(opened, folder):
    (folder.path / "aside").write_text("in the way: nothing can be moved, as in a read-only folder", encoding="utf-8")
    bad = folder.put("bad.xml", b"<one/>")
    backend = await opened()
    with pytest.raises(BackendUnreachable, match="1 files cannot be used, one of them: its root is no Letter"):
        await backend.look_up(ask("1"))

    assert {"bad.xml": "its root is no Letter"} == backend.bad
    assert bad.exists()
    await taken(backend, lambda: bad.write_text(letter(), encoding="utf-8"))
    assert {} == backend.bad


async def test_a_bad_file_is_not_set_aside_before_its_time(opened, folder):
    bad = folder.put("bad.xml", letter().encode()[:400])
    backend = await opened(aside_after_s=60)
    with pytest.raises(BackendUnreachable, match="no letter in its folder: 1 files cannot be used"):
        await backend.look_up(ask("12345"))
    await asyncio.sleep(0.1)
    assert bad.exists()

    await taken(backend, lambda: folder.put("bad.xml", letter()))
    assert "12345" == (await case(backend)).number


async def test_attachments_are_neither_decoded_nor_kept(opened, folder):
    large = "<Attachments><Attachment Extension='tif'>" + "QUFB" * 1_000_000 + "</Attachment></Attachments>"
    folder.put("1.xml", letter(more=large))

    assert "12345" == (await case(await opened())).number


@pytest.mark.parametrize(("days_ago", "day"), [(6.9, None), (7.9, None), (9, date(2026, 11, 13))])
async def test_old_files_are_answered_with_their_day(opened, folder, days_ago, day):
    folder.put("1.xml", letter(), days_ago + 3)
    folder.put("2.xml", letter("2"), days_ago)

    assert day == (await (await opened(fresh_for_days=8)).look_up(ask("12345"))).as_of


async def test_only_the_newest_of_too_many_are_read(opened, folder):
    for number in (1, 2, 3):
        folder.put(f"{number}.xml", letter(str(number)), 10 - number)
    backend = await opened(max_files=2)

    assert ["2", "3"] == [(await case(backend, number)).number for number in ("2", "3")]
    assert Missing() == await backend.look_up(ask("1"))


async def test_a_folder_that_is_not_there_is_unreachable_and_found_when_it_comes(opened, folder):
    elsewhere = folder.path.rename(folder.path.with_name("elsewhere"))
    backend = await opened()
    with pytest.raises(BackendUnreachable):
        await backend.look_up(ask("12345"))

    folder.path = elsewhere.rename(folder.path)
    folder.put("1.xml", letter())

    async def shown():
        try:
            return Missing() != await backend.look_up(ask("12345"))
        except BackendUnreachable:
            return False

    await until(shown)
    assert "12345" == (await case(backend)).number


async def test_a_folder_without_a_letter_knows_nothing_and_says_why(opened, folder):
    folder.put("1.txt", letter())
    backend = await opened()
    with pytest.raises(BackendUnreachable, match=r"no letter in its folder: no file there ends in \.xml or \.ece"):
        await backend.look_up(ask("12345"))

    await taken(backend, lambda: folder.put("2.xml", letter("2")))
    assert Missing() == await backend.look_up(ask("12345"))


async def test_several_old_files_are_answered_with_their_day_too(opened, folder):
    for name, organisation in (("1.xml", "استانداری"), ("2.xml", "شهرداری")):
        folder.put(name, letter(receiver=organisation), days_ago=20)
    answer = await (await opened(fresh_for_days=8)).look_up(ask("12345"))

    assert isinstance(answer, Several)
    assert date(2026, 11, 2) == answer.as_of


async def test_when_the_folder_goes_what_is_known_is_answered_with_its_day(opened, folder):
    folder.put("1.xml", letter(), 1)
    folder.put("2.xml", letter("777", secrecy='Name="محرمانه"'), 1)
    backend = await opened()
    await case(backend)
    folder.path.rename(folder.path.with_name("elsewhere"))

    async def dated():
        return (await backend.look_up(ask("12345"))).as_of == date(2026, 11, 21)

    await until(dated)
    for number in ("777", "99999"):  # a secret letter looks like a missing one here too
        with pytest.raises(BackendUnreachable):
            await backend.look_up(ask(number))


@pytest.mark.parametrize(
    ("key", "value"),
    [("folder", ""), ("state", "sent"), ("state", "unknown"), ("refresh_s", 0), ("suffixes", []), ("namespaces", []), ("calendar", "jalali"), ("surprise", 1)],
)  # fmt: skip
def test_a_file_that_cannot_work_is_refused(key, value):
    with pytest.raises(ValidationError):
        EceConfig(**{"kind": "ece", "case_kind": "letter", "folder": "x", key: value})
