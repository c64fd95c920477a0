"""What strangers send: fragments of bad input, and strategies that put them together. One table a kind of field."""

from random import Random

from hypothesis import strategies as st

PERSIAN, ARABIC, WIDE = "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９"

# --- text: what an office writes in a name --------------------------------------------------------------------------

_TROUBLE = {
    "controls": [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))],
    "direction": [*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", "\u202eabc\u202c"],
    "zero width": [*"\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e\u2061\u2063", "می\u200cخواهد", "ن\u200dم"],
    "variation selectors": ["❤\ufe0f", "\ufe00", "\ufe0e", "☎\ufe0e", "\U000e0100", "\u180b"],
    "invisible": [*"\u115f\u1160\u3164\uffa0\u17b4\u206a\ufff9\ufffb"],
    "combining runs": ["e" + "\u0301" * 5, "ن\u0654\u0655", "م\u064f\u0651", "Z\u0335\u0321\u0361\u0300", "\u0301", "ب\u0670"],
    "emoji": ["😀", "👩\u200d👧", "🇮🇷", "👍🏽", "1\ufe0f\u20e3", "\ud83d", "\ude00"],
    "extension": ["€", "€€€", "[", "]", "{", "}", "\\", "^", "~", "|", "a€b", "\f"],
    "look-alikes": ["كتاب", "کتاب", "ي", "ی", "ى", "ہ", "ة", "аBс", "Ｏ０", "ﻻ", "ﷺ", "ﷲ", "\ufacf"],
    "right to left": ["دفتر حقوقی", "مكتب المحافظ", "نامه 12345/96/ص", "שלום", "استانداری خوزستان،", "09/10"],
    "newlines": ["\n", "\r\n", "\r", "\n\n", "\u2028", "\u2029", "\u0085", "\v", "a\n b"],
    "spaces": [" ", "  ", "\u00a0", "\u202f", "\u2003", "\t", "\u3000"],
    "braces": ["{{ case.number }}", "{{", "}}", "[[", "]]", "[{{ x }}]", "{% if %}", "%s", "$0"],
    "links": ["http://a.ir/x", "www.a.ir", "a.com", "bit.ly/2"],
}  # fmt: skip


def troubled(*kinds: str) -> list[str]:
    """The fragments of these kinds, of all without any."""
    return [each for kind in kinds or _TROUBLE for each in _TROUBLE[kind]]


def _pieces(letters: str, trouble: list[str]) -> list[str]:
    """Made beforehand and drawn whole, since drawing each letter would take longer than what is tried with it."""
    chance = Random(letters)  # the same pieces each time
    words = ["".join(chance.choices(letters, k=chance.randint(1, 24))) for _ in range(200)]
    sentences = [" ".join(chance.choices(words[:60] + trouble, k=chance.randint(3, 9))) for _ in range(200)]
    return [*trouble, *words, *sentences, *[" ", "\n"] * 30]


# The last characters that fit and the first that do not: a page, a part, several parts; in septets and in units.
_BORDERS = [
    char * (border + over) for char in "aن€é" for border in (67, 70, 80, 134, 153, 160) for over in (-10, -1, 0, 1)
]


def _together(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(st.sampled_from(pieces), max_size=4).map("".join),
        st.lists(st.sampled_from(pieces), min_size=4, max_size=14).map(" ".join),
        st.lists(st.sampled_from(pieces), min_size=4, max_size=14).map("".join),
        st.lists(st.sampled_from([*pieces, *_BORDERS * 3]), min_size=1, max_size=6).map(" ".join),
    )


TEXTS = st.one_of(_together(_pieces("abcdنمیک€ \u200c", troubled())), st.text(max_size=40))
"""C5: a text with anything in it, up to some pages."""

LATIN_TEXTS = _together(_pieces("abcdefé0123", ["€", "a€", "[x]", "{", "Letter 12345", "é", "\f", "~", "\\"]))
"""C5 that stays in GSM 7 bit, where escape pairs are."""

# --- what is typed on a phone ---------------------------------------------------------------------------------------

_TYPED = [
    "", "*", "#", "**", "##", "*#", "0", "00", "0*0", "000", "9", "1", "1*2", "*1#", "-1", "+1", "1\n", "\n", "\t", " ",
    "१२", "²", "①", "½", "𝟏", "１２３", "۱۲۳", "١٢٣", "۱2٣", "O", "l", "I1", "12.5", "1,2", "1٬234", "٫5", "1e3", "0x1F",
    "سلام", "نامه 12345", "<script>", "' or 1=1 --", "../../etc/passwd", "main", "letter_status", "{{ case.phone }}",
    "\u202e1", "1\u200c2", "\u200f12345", "😀", "\ud83d", "1\x00", "9" * 182, "*" * 183, "*" * 730, "12345/96/ص", "12-34", "12–34",
    "12345678901234567890", "123456789012345678901", "1/2/3/4/5/6", "1/2/3/4/5/6/7", "2001000344", "2001000352",
]  # fmt: skip

TYPED = st.one_of(
    st.sampled_from(_TYPED),
    st.lists(st.sampled_from([*_TYPED, *"0123456789/*-._ #" * 2, *PERSIAN, *ARABIC, *WIDE]), max_size=8).map("".join),
    st.text(max_size=30),
)  # fmt: skip
"""C6 and C8: what a keypad, a pasted text and a prober send."""


# --- phone numbers: C7, sixteen kinds of spelling, eight each, and what each of them is -----------------------------

HER = "+989161234567"


def _all(expected, *spelled):
    return [(each, expected) for each in spelled]


def _each(*numbers):
    """As it is written, and its last ten digits."""
    return [(each, f"+98{each[-10:]}") for each in numbers]


MSISDNS: dict[str, list[tuple[str, str | None]]] = {
    "national": _each("09161234567", "09121234567", "09351234567", "09211234567", "09901234567", "09981112345", "09031234567", "9161234567"),
    "00": [
        *_each("00989121234567", "00989351234567"),
        *_all(HER, "00989161234567", "0098 9161234567", "0098-916-123-4567", "00 98 916 123 4567", "009809161234567"),
        ("000989161234567", None),
    ],
    "plus": [*_all(HER, HER, "++989161234567", "+ 989161234567", "989161234567", "+98-9161234567", "+9809161234567"), *_each("+989121234567"), ("+", None)],
    "spaces": [
        *_all(HER, "0916 123 4567", "+98 916 123 4567", " 09161234567 ", "0916  1234567", "0 9 1 6 1 2 3 4 5 6 7"),
        *_all(None, "0916\t1234567", "0916\u00a01234567", "0916\n1234567"),
    ],
    "brackets": [
        *_all(HER, "(0916) 123-4567", "(+98) 9161234567", "+98 (916) 123 4567", "0916-123-4567", "0916.123.4567", "(((09161234567", "0916)1234567("),
        ("[0916]1234567", None),
    ],
    "too short": _all(None, "0", "09", "0916123", "+98", "+98916", "091612345", "+98916123456", "916123456"),
    "too long": _all(None, "091612345678", "+9891612345678", "0098916123456789", "9" * 16, "9" * 33, "0" * 40, "+98" + "9" * 200, "1" * 256),
    "short code": _all(None, "4040", "110", "111", "061", "20004040", "1000404040", "*4*061#", "700123"),
    "letters": _all(None, "RASAD", "IRANCELL", "0916ABCDEFG", "O9161234567", "l23456", "رصد", "Rasad 061", "anonymous"),
    "premium": [
        *_all(None, "+1 900 555 0100", "+19005550100", "+449098790000", "+982100000", "0909123456", "+882 16 12345678", "+979123456789", "+808123456789"),
    ],
    "other country": [
        *[(each, each) for each in ("+447911123456", "+9647701234567", "+971501234567", "+4915112345678", "+905321234567", "+12025550123", "+93701234567")],
        ("+999123456789", None),
    ],
    "zero width": _all(
        None, "0916\u200c1234567", "\u200e+989161234567", "+989161234567\u200f", "0916\u200b1234567", "\ufeff09161234567",
        "09161234567\u2060", "0916\u00ad1234567", "\u202a09161234567\u202c",
    ),
    "other digits": [
        *_all(HER, "۰۹۱۶۱۲۳۴۵۶۷", "٠٩١٦١٢٣٤٥٦٧", "+۹۸۹۱۶۱۲۳۴۵۶۷", "0۹161234567", "+٩٨9161234567"),
        *_all(None, "０９１６１２３４５６７", "०९१६१२३४५६७", "¹²³⁴⁵⁶⁷⁸⁹⁰"),
    ],
    "list": _all(
        None, "09161234567,09161234568", "09161234567;09161234568", "09161234567 09161234568", "09161234567/8", "09161234567|09121234567",
        '["09161234567"]', "09161234567&09161234568", "+989161234567+989161234568",
    ),
    "extension": _all(
        None, "09161234567 ext 5", "09161234567x5", "09161234567;ext=5", "09161234567#5", "tel:+989161234567", "tel:+989161234567;ext=1",
        "sip:09161234567@x.ir", "09161234567p5",
    ),
    "unassigned prefix": _each(  # the operator has connected the call: a new range must not wait for a library
        "09501234567", "09601234567", "09701234567", "09801234567", "+989401234567", "+989951234567", "+989811234567", "09711234567"
    ),
}  # fmt: skip
