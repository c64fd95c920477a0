import pytest

from gateway.msisdn import normal


@pytest.mark.parametrize(
    "spelling",
    [
        "+989161234567", "00989161234567", "989161234567", "09161234567", "9161234567", "+98 916 123 4567",
        "0916-123-4567", "۰۹۱۶۱۲۳۴۵۶۷", "٠٩١٦١٢٣٤٥٦٧", "+۹۸۹۱۶۱۲۳۴۵۶۷", "(0916) 123 4567", " 989161234567",
    ],
)  # fmt: skip
def test_every_spelling_of_a_number_gives_one(spelling):
    assert "+989161234567" == normal(spelling)


@pytest.mark.parametrize(
    "text",
    ["", "4040", "110", "*4*061#", "RASAD", "+98916123456", "+9891612345678", "02188888888", "09161234567 ext 5",
     "09161234567,09161234568", "+98916123456x", "+1 900 555 0100", "0" * 40, "²³", "\x00"],
)  # fmt: skip
def test_what_is_no_mobile_number_gives_none(text):
    assert normal(text) is None


def test_a_range_the_library_does_not_list_yet_still_passes():
    """0995 is in use and unknown to phonenumbers (protocols.md G1)."""
    assert "+989951234567" == normal("09951234567")


def test_a_foreign_mobile_passes():
    assert "+447911123456" == normal("+44 7911 123456")
