"""Every kind of input and of screen, over the real wire: the menu of tests/menus/every_input behind a whole gateway."""

from pathlib import Path

MENU = str(Path(__file__).parents[1] / "menus" / "every_input")


async def say(d, session, *typed, phone=None):
    """Dial and type, each session from a phone of its own; the last page."""
    msisdn = f"+98916123{phone or session[1:]:0>4}"
    body, chain = "", ""
    for text in ("", *typed):
        chain = f"{chain}*{text}".strip("*") if text else chain
        _, body = await d.ussd(chain, session_id=session, msisdn=msisdn)
    return body.split("\n")


async def test_a_person_a_day_and_yes_or_no(desk):
    async with desk(menu=MENU) as d:
        assert "CON این کد ملی یک اشتباه دارد." == (await say(d, "s1", "5", "0012345678"))[0]
        shown = await say(d, "s2", "5", "۰۰۱۲۳۴۵۶۷۹", "1405/9/30")
        assert ["CON کد ملی 001xxxxx79", "روز ۱۴۰۵/۰۹/۳۰"] == shown[:2]
        assert "END ملاقات ۱۴۰۵/۰۹/۳۰ یادداشت شد." == (await say(d, "s3", "5", "12345679", "2026-12-21", "بله"))[0]
        looked_again = await say(d, "s4", "5", "0012345679", "05*9*30", "2", "1")
        assert ["CON کد ملی 001xxxxx79", "روز ۱۴۰۵/۰۹/۳۰"] == looked_again[:2]


async def test_codes_and_services(desk):
    async with desk(menu=MENU) as d:
        assert "CON خدمت ۱۳۰۶۱۷۰۹۰۰۰" == (await say(d, "s1", "4", "130 617 090 00"))[0]
        assert "CON شناسه خدمت 11 رقم دارد." == (await say(d, "s2", "4", "1306170900"))[0]
        assert "CON این کد یک اشتباه دارد." == (await say(d, "s3", "3", "1040610015"))[0]
        assert "CON کد رسید 10 رقم دارد." == (await say(d, "s4", "3", "0040610014"))[0]


async def test_a_letter_shows_only_the_choices_that_hold(desk):
    async with desk(menu=MENU) as d:
        page = await say(d, "s1", "1", "12345")
        assert any("کجاست؟" in line for line in page)
        assert not any("شکایت" in line for line in page)


async def test_who_dials_again_goes_on_with_what_she_had_typed(desk):
    async with desk(menu=MENU) as d:
        await say(d, "s1", "5", "0012345679", phone="7")
        assert "CON کدام روز؟ مثال: \u200e1405*9*30\u200e" == (await say(d, "s2", "1", phone="7"))[0]
        assert "CON کد ملی 001xxxxx79" == (await say(d, "s3", "1", "1405*9*30", phone="7"))[0]
