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
