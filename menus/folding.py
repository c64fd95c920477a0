"""One form for what people and offices write: digits of three scripts, look-alike letters and signs.

protocols.md D5 (search key) and D6 (digits). The raw text is the caller's to keep; this is for comparing.
"""

import unicodedata

# What is left of Persian and Arabic letters once their marks are off: hamza, madda and the rest are marks in NFD.
_LETTERS = {
    **dict.fromkeys("يىۍے", "ی"),
    **dict.fromkeys("كڪ", "ک"),
    **dict.fromkeys("ہھەة", "ه"),
    "ٱ": "ا",
}
_SIGNS = {
    **dict.fromkeys("×∗٭⁎⋆★", "*"),
    "♯": "#",
    **dict.fromkeys("⁄∕\\", "/"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("،؛؟", " "),
    "٪": "%",
    "٫": ".",
    "٬": "",
}
_DROP = dict.fromkeys([0x0621, 0x0640, 0x00AD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060,
                       0x061C, *range(0x2066, 0x206A), 0xFEFF])  # fmt: skip
_TABLE = str.maketrans(_LETTERS | _SIGNS) | _DROP


def fold(text: str) -> str:
    """The search key of a text: Persian letters, ASCII digits, plain signs, no marks, single spaces, lower case.

    Idempotent. Only the Persian, the Arabic-Indic and the full-width digits become ASCII digits: other scripts'
    digits and superscripts stay what they are, so that no stranger's sign turns into a number.
    """
    if text.isascii():  # what a keypad types, and nothing of the tables but one sign is in it
        return " ".join(text.replace("\\", "/").lower().split())
    kept = "".join(_plain(char) for char in text)
    # Unicode 3.13: NFD around the case folding is what makes a second pass find nothing to do.
    return " ".join(_bare(_bare(kept).translate(_TABLE).casefold()).split())


def _bare(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")


def _plain(char: str) -> str:
    code = ord(char)
    if 0x06F0 <= code <= 0x06F9 or 0x0660 <= code <= 0x0669:
        return str(unicodedata.decimal(char))
    if 0xFB50 <= code <= 0xFDFF or 0xFE50 <= code <= 0xFEFE or 0xFF01 <= code <= 0xFF5E:
        return unicodedata.normalize("NFKC", char)  # presentation and full-width forms
    if code in (0x00A0, 0x202F):
        return " "
    return "" if 0xD800 <= code <= 0xDFFF else char
