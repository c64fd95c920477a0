"""Phone numbers: any spelling to E.164, or nothing. protocols.md G1."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

REGION = "IR"
_IRAN = 98
_TYPED = re.compile(r"[0-9\u06f0-\u06f9\u0660-\u0669+ ().\-]{1,32}")


@lru_cache(maxsize=4096)
def normal(text: str) -> str | None:
    """`+989161234567` for every spelling of it; None for what is no mobile number.

    An Iranian number of the mobile form (ten digits, a 9 first) passes even when phonenumbers does not list its
    range yet: the operator has just connected the call, and data of last year must not lock out a new prefix.
    """
    if not _TYPED.fullmatch(text):  # the library reads letters as keypad digits
        return None
    try:
        number = phonenumbers.parse(text, REGION)
    except NumberParseException:
        return None
    mobile_form = 9_000_000_000 <= (number.national_number or 0) <= 9_999_999_999
    if number.extension or not (
        mobile_form if number.country_code == _IRAN else phonenumbers.is_valid_number(number) and _is_mobile(number)
    ):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _is_mobile(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.number_type(number) in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def written(e164: str, form: str) -> str:
    """A number as a provider wants it: e164, international without the +, national with its 0, or bare of both."""
    international = e164.removeprefix("+")
    if form == "e164" or (form != "international" and not international.startswith(str(_IRAN))):
        return e164  # of another country: it has no form of ours
    if form == "international":
        return international
    bare = international.removeprefix(str(_IRAN))
    return bare if form == "bare" else f"0{bare}"
