"""YAML with places: what operators write, and every trap of YAML named with its line."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from menus import source
from menus.source import Fault, Faulty

ROOT = Path(__file__).parents[2]


def faults(text):
    return [(fault.line, fault.message) for fault in source.read("a.yaml", text).faults]


def test_plain_data_comes_out_with_the_line_of_each_value():
    document = source.read("a.yaml", "# note\na: 1\nb:\n  - x\n  - {c: true, d: ~}\ne: |-\n  two\n  lines\nf: 1.5\n")

    assert document.data == {"a": 1, "b": ["x", {"c": True, "d": None}], "e": "two\nlines", "f": 1.5}
    assert document.faults == []
    assert document.line(("a",)) == 2
    assert document.line(("b", 0)) == 4
    assert document.line(("b", 1, "c")) == 5
    assert document.line(("e",)) == 6


def test_what_has_no_line_has_that_of_what_is_around_it():
    document = source.read("a.yaml", "a: 1\nb:\n  c: 2\n")

    assert document.line(("b", "nothing", 3)) == 2
    assert document.line(("nothing",)) == 1
    assert document.fault(("b", "x"), "no").line == 2


@pytest.mark.parametrize(
    "word",
    ["no", "No", "NO", "yes", "on", "off", "y", "N", "012", "00", "+07", "0x1f", "0b11", "1:30", "12:30:45", "1_000"],
)
def test_a_word_yaml_reads_as_something_else_is_a_fault_and_stays_as_it_was_written(word):
    document = source.read("a.yaml", f"a: 1\nb: {word}\n")

    assert document.faults == [Fault("a.yaml", 2, f'YAML reads {word} as something else: write "{word}"')]
    assert document.data["b"] == word


@pytest.mark.parametrize("word", ["no", "012", "1:30", "0x1f", "true", "5", "~"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_quoted_word_is_a_text(word, quote):
    document = source.read("a.yaml", f"a: {quote}{word}{quote}")

    assert document.faults == []
    assert document.data == {"a": word}


def test_a_block_is_a_text():
    assert source.read("a.yaml", "a: |-\n  no\nb: >-\n  012\n").data == {"a": "no", "b": "012"}
    assert faults("a: |-\n  no\nb: >-\n  012\n") == []


@pytest.mark.parametrize("word", ["نه", "nothing", "2026-11-22", "1.2.3", "10:00 tomorrow", "0", "10", "-5", "*4*061#"])
def test_an_innocent_word_is_no_fault(word):
    quoted = f"'{word}'" if word.startswith("*") else word

    assert faults(f"a: {quoted}") == []


def test_a_trap_may_be_a_key():
    assert faults("a:\n  no: 1\n  'off': 2\n") == [(2, 'YAML reads the key no as something else: write "no"')]


def test_equal_keys_are_a_fault_that_names_both_lines():
    document = source.read("a.yaml", "a: 1\nb: 2\n'a': 3\n")

    assert document.faults == [Fault("a.yaml", 3, "the key a stands here again, first on line 1")]
    assert document.data == {"a": 1, "b": 2}


def test_equal_keys_are_found_at_any_depth():
    assert faults("a:\n  - b: 1\n    c: 2\n    b: 3\n") == [(4, "the key b stands here again, first on line 2")]


def test_tags_are_a_fault():
    assert faults("a: 1\nb: !python/name:os.system x\nc: !secret {d: 1}\n") == [
        (2, "YAML tag '!python/name:os.system': write plain values"),
        (3, "YAML tag '!secret': write plain values"),
    ]


def test_merge_keys_are_a_fault():
    found = faults("a: &x {b: 1}\nc:\n  <<: *x\n")

    assert (3, "merge keys (<<) are not part of this language") in found


def test_a_list_as_a_key_is_a_fault():
    assert faults("a: 1\n? [b, c]\n: 2\n") == [(2, "a key must be a word")]


def test_all_faults_of_a_file_are_told_at_once():
    assert sorted(line for line, _ in faults("a: no\nb: 012\nb: 1\nc: !x word\n")) == [1, 2, 3, 4]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but a note\n"])
def test_an_empty_file_is_a_fault(text):
    with pytest.raises(Faulty) as found:
        source.read("a.yaml", text)

    assert found.value.faults == (Fault("a.yaml", 1, "the file is empty"),)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1, 2\n", 2),
        ("a: 1\n\tb: 2\n", 2),
        ('a: 1\nb: "x\n', 2),
        ("a: b: c\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: \ud800\n", 1),
        ("a: 1\nb: *nobody\n", 2),
    ],
)
def test_what_is_no_yaml_is_a_fault_on_its_line(text, line):
    with pytest.raises(Faulty) as found:
        source.read("a.yaml", text)

    (fault,) = found.value.faults
    assert fault.line == line


UNREADABLE = {
    "a quote without its end": (
        'a:\n  fa: "one\n  en: two\n  x: 1\nb:\n  - c: {text: "d", next: e}\n', 2,
        'the quote that opens here ends on line 6 only; is a " missing at the end of this line?',
    ),
    "a quote without its end before another": (
        'a:\n  fa: "one\n  en: "two"\n', 2,
        'the quote that opens here ends on line 3 only; is a " missing at the end of this line?',
    ),
    "the other quote without its end": (
        "a:\n  fa: 'one\n  en: 'two'\n", 2,
        "the quote that opens here ends on line 3 only; is a ' missing at the end of this line?",
    ),
    "a quote without its end in braces": (
        'a: {fa: "one, en: two}\nb: 3\nc: "d"\n', 1,
        'the quote that opens here ends on line 3 only; is a " missing at the end of this line?',
    ),
    "a quote that never ends": (
        'a: 1\nb: "one\nc: 2\n', 2, 'the quote that opens here is never closed; put a " at the end of the text',
    ),
    "something behind a quote": ('a: 1\nb: "x" y\n', 2, "this is not YAML: something stands behind the end of"),
    "a line at another depth": ("a:\n    b: 1\n  c: 2\n", 3, "indented otherwise than its neighbours; look here and upwards, to the last text you changed"),
    "a Tab in front": ("a:\n\tb: 2\n", 2, "a Tab stands here; use spaces"),
    "a Tab among spaces": ("a:\n  b: 1\n\tc: 2\n", 3, "a Tab stands here; use spaces"),
    "braces without their end": (
        "a:\n  - b: {text: x, next: y\n  - c: {text: x, next: y}\n", 2,
        "the { that opens here is not closed: a } at its end, or a comma between its parts, is missing",
    ),
    "braces without a comma": (
        'a: {b: "x" c: z}\n', 1,
        "the { that opens here is not closed: a } at its end, or a comma between its parts, is missing",
    ),
    "brackets without their end": (
        "a: [b, c\nd: e\n", 1,
        "the [ that opens here is not closed: a ] at its end, or a comma between its parts, is missing",
    ),
    "no space behind a key": ("a:\n  fa: x\n  en:Phones\nb: 1\n", 3, "a space is missing behind en:"),
    "no space behind the first key": ("a:\n  en:Phones\n  fa: x\n", 2, "a space is missing behind en:"),
    "no space behind a key of braces": ("a:\n  - b:{text: x, next: y}\n", 2, "a space is missing behind b:"),
    "no colon": ("a: 1\nthis is no key\nb: 2\n", 2, "this line has no colon behind its first word: write key: text"),
    "a colon outside quotes": ("a: Phones: 111\n", 1, "a colon stands where none is expected: put a text with a colon in quotes, or begin this line below"),
    "a text that begins with a star": ("a: *4*061#\n", 1, "a text that begins with * or & is put in quotes"),
    "a text that begins with a sign": ("a: @home\n", 1, "a text that begins with @ is put in quotes"),
    "an escape that is none": ('a: "x\\dy"\n', 1, "behind a \\ in quotes stands n for a new line"),
    "a list's line without its dash": ("a:\n  - b: 1\n  c: 2\n", 3, "this line stands in a list and has no - in front; indent it as its neighbours"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "says"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_told_in_plain_words_where_it_is_to_be_mended(text, line, says):
    with pytest.raises(Faulty) as found:
        source.read("a.yaml", text)

    (fault,) = found.value.faults
    assert line == fault.line
    assert says in fault.message


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ('ساعت کار:\\nشنبه 14:30"', "the text has \\n in it as letters"),
        ("one\\ntwo", "the text has \\n in it as letters"),
        ("one\\ttwo", "the text has \\t in it as letters"),
        ('ساعت کار"', 'the text has a single " in it'),
        ('one "two', 'the text has a single " in it'),
        ("ساعت'", "the text has a single ' at its end"),
        ("“ساعت کار”", "“ and ” are no quotes here"),
        ("ساعت کار”", "“ and ” are no quotes here"),
    ],
)
def test_a_text_that_lost_a_quote_is_a_fault_and_is_read_as_it_was_meant(word, says):
    document = source.read("a.yaml", f"a: 1\nb: {word}\nc: {{d: {word}}}\n")

    assert [(2, f"{says}; put quotes at both ends of it"), (3, f"{says}; put quotes at both ends of it")] == [
        (fault.line, fault.message) for fault in document.faults
    ]
    assert "\\" not in document.data["b"]
    assert not {document.data["b"][0], document.data["b"][-1]} & set("\"'“”")


@pytest.mark.parametrize(
    "word",
    ['he said "yes"', "it's", "'tis'", "«بله» بزنید", "C:\\data", "\\d+", '"one\\ntwo"', "'it''s'", "select a from b where c = 'd'"],
)  # fmt: skip
def test_quotes_within_a_text_are_no_fault(word):
    assert [] == faults(f"a: {word}")


def test_a_key_without_a_space_behind_it_is_told_and_read_as_it_was_meant():
    document = source.read("a.yaml", 'a: {fa: x, en:Phones}\nb: {en:"Phones"}\n')

    assert [(1, "a space is missing behind en:"), (2, "a space is missing behind en:")] == [
        (fault.line, fault.message) for fault in document.faults
    ]
    assert {"a": {"fa": "x", "en": "Phones"}, "b": {"en": "Phones"}} == document.data


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a x\nb: *a", "a: &a {b: 1}\nc: [*a, *a]", "a: &a x\nb: {c: *a}"])
def test_an_alias_is_a_fault(text):
    assert "an alias (*name) stands for this; write it out" in {
        fault.message for fault in source.read("a", text).faults
    }


@pytest.mark.parametrize("word", [".inf", ".nan", "1_.5", "0xAB", "1_", "+1_0", "9" * 5000, "!!int abc"])
def test_what_yaml_takes_for_a_number_and_cannot_read_is_a_fault(word):
    document = source.read("a.yaml", f"a: 1\nb: {word}")

    assert word == ".inf" or word == ".nan" or {2} == {fault.line for fault in document.faults}


@pytest.mark.parametrize(
    "text", ["a: " + "[" * 200_000, "a: " + "{a: " * 100_000, "- " * 100_000], ids=["lists", "mappings", "items"]
)
def test_what_nests_deeper_than_any_stack_is_a_fault_and_kills_nobody(text, tmp_path):
    """In a process of its own: what runs out of stack in C takes the whole process with it."""
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    program = (
        "import pathlib, sys; from menus import source\n"
        "try: source.read('a.yaml', pathlib.Path(sys.argv[1]).read_text())\n"
        "except source.Faulty as fault: print(fault)"
    )

    ended = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, cwd=ROOT, timeout=50, check=False)  # fmt: skip

    assert (0, "a.yaml:1: nested too deep") == (ended.returncode, ended.stdout.strip()[:25])


@pytest.mark.parametrize(
    "tag", ["!!python/name:os.system", "!!python/object/apply:os.system", "!!binary", "!!set", "!!omap", "!x"]
)
def test_no_tag_is_part_of_this_language(tag):
    value = {"!!set": "{a, b}", "!!omap": "[a: b]", "!!python/object/apply:os.system": "[id]"}.get(tag, "aGVsbG8=")

    assert [2] == [line for line, _ in faults(f"a: 1\nb: {tag} {value}\n")]


def test_an_alias_is_told_where_it_stands_and_not_where_its_anchor_does():
    assert [(3, "an alias (*name) stands for this; write it out")] == faults("a: &x one\nb: two\nc: *x\n")


@pytest.mark.parametrize(
    ("text", "line"), [("a: \x07\n", 1), ("a: 1\nb: خوب\nc: بد\x07\n", 3), ("# خوب\n\na: \x00\n", 3)]
)
def test_a_character_no_text_has_is_told_on_its_line(text, line):
    with pytest.raises(Faulty) as found:
        source.read("a.yaml", text)

    (fault,) = found.value.faults
    assert line == fault.line
    assert fault.message.startswith("a character no text file has: ")


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "password: Ahvaz-1405",
        "send: {password: Ahvaz-1405}",
        "token: 12345",
        "api_key: dez",
        "database: postgresql://rasad:Ahvaz1405@10.0.0.5/rasad",
        "a: |-\n  -----BEGIN RSA PRIVATE KEY-----\n  eA==\n  -----END RSA PRIVATE KEY-----",
        "a: the key is rsd_live_0a1b2c3d4e5f6a7b8c9d0e1f",
        "headers: {Authorization: Bearer 0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d}",
    ],
)
def test_a_secret_in_plain_is_a_fault_that_does_not_repeat_it(text):
    ((line, message),) = faults(f"# note\n{text}\n")

    assert 2 == line
    assert "secret" in message
    assert not [piece for piece in ("Ahvaz", "12345", "dez", "eA==", "rsd_live", "0a1b2c3d") if piece in message]


@pytest.mark.parametrize(
    "text",
    [
        'password: "${KANNEL_PASSWORD}"',
        "password: ''",
        "database: postgresql://rasad:${DB_PASSWORD}@10.0.0.5/rasad",
        "database: sqlite+aiosqlite:///var/rasad.db",
        "keys_file: var/keys.yaml",
        'headers: {Authorization: "Bearer ${TOKEN}"}',
        "url: http://127.0.0.1:13013/cgi-bin/sendsms",
        "secrecy: confidentiality",
        "a: رمز یا کارت بانکی نمی‌خواهیم",
        "a: 'code 2001000344, letter 220/1396/54321, dial *4*061*12345#'",
        "ask_letter_number_of_the_governorate_2: {a: b}",
        "next: ask_letter_number_of_the_governorate_2",
    ],
)
def test_what_only_speaks_of_secrets_is_none(text):
    assert [] == faults(text)


def test_what_nests_without_end_is_a_fault():
    with pytest.raises(Faulty) as found:
        source.read("a.yaml", "a: " + "[" * 40 + "]" * 40)

    assert found.value.faults == (Fault("a.yaml", 1, "nested too deep"),)


def test_faults_are_told_once_and_in_order():
    one, other = Fault("a.yaml", 9, "x"), Fault("a.yaml", 2, "y")

    faulty = Faulty([one, other, one])

    assert faulty.faults == (other, one)
    assert str(faulty) == "a.yaml:2: y\na.yaml:9: x"


class Phone(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    ring_s: float = Field(default=1, gt=0)
    of: Literal["home", "work"] = "home"


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    phones: list[Phone]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("phones:\n  - ring_s: 1\n", 2, "phones 1: name is missing"),
        (
            "phones:\n  - name: a\n  - name: b\n    rings: 1\n",
            4,
            "phones 2: rings is not a key we know here; did you mean ring_s?",
        ),
        ("phones:\n  - name: a\n    colour: 1\n", 3, "phones 1: colour is not a key we know here"),
        ("phones:\n  - name: 5\n", 2, 'phones 1: name: a text was expected; put it in quotes: "5"'),
        ("phones:\n  - name: [a]\n", 2, "phones 1: name: a text was expected"),
        ("phones:\n  - name:\n", 2, "phones 1: name: nothing stands behind it; fill it in, or delete this line"),
        ("phones:\n  - name: a\n    ring_s: soon\n", 3, "phones 1: ring_s: a number was expected"),
        ("phones:\n  - name: a\n    ring_s: 0\n", 3, "phones 1: ring_s: must be greater than 0"),
        ("phones: 1\n", 1, "phones: a list was expected: [one, two], or lines that begin with a - and a space"),
        ("phones: {-a: 1}\n", 1, "phones: a list was expected: [one, two], or lines that begin with a - and a space"),
        ("phones:\n", 1, "phones: nothing stands behind it; fill it in, or delete this line"),
        ("phones: [a]\n", 1, "phones 1: keys with values were expected: {key: value}, with a space behind each colon"),
        ("phones:\n  - {name: a, of: hom}\n", 2, "phones 1: of: 'hom' is none of 'home' or 'work'; did you mean home?"),
        ("other: 1\n", 1, "phones is missing"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_in_an_operators_words(text, line, message):
    document = source.read("a.yaml", text)

    with pytest.raises(Faulty) as found:
        source.typed(Settings, document, document.data)

    assert (line, message) in [(fault.line, fault.message) for fault in found.value.faults]


def test_a_key_that_was_meant_for_another_is_not_told_as_missing_too():
    document = source.read("a.yaml", "phones: [{nme: a}]")

    with pytest.raises(Faulty) as found:
        source.typed(Settings, document, document.data)

    assert ["phones 1: nme is not a key we know here; did you mean name?"] == [
        each.message for each in found.value.faults
    ]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ((), "this file"),
        (("navigation", "more"), "navigation.more"),
        (("choices", 0, "phones", "next"), "choice phones: next"),
        (("offices", "choices", 1, "phones", "text"), "offices.choice phones: text"),
        (("choices", 1), "choices 2"),
        (("found", 0, "when", "state"), "found 1: when.state"),
    ],
)
def test_a_path_is_told_in_words(path, said):
    assert said == source.spoken(path)


def test_a_value_of_the_right_kind_is_a_model():
    document = source.read("a.yaml", "phones: [{name: a, ring_s: 2}]")

    assert source.typed(Settings, document, document.data) == Settings(phones=[Phone(name="a", ring_s=2)])
