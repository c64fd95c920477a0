"""An office that is down, behind a whole gateway: what it said last."""

from simulators.offices import data, services
from simulators.offices.faults import Front


async def test_a_request_whose_office_is_down_reads_what_it_said_last(desk, clock):
    front = Front("services", services.application(data.requests(clock.today())))
    async with front, desk(environ={"SERVICES_URL": front.url}) as d:
        answered = [await d.ussd(code=f"*4*061*02*{code}#", session_id=code) for code in ("2001000377", "2001000344")]
        await front.fault("refuse")
        clock.advance(60)
        down = [
            (await d.ussd(code=f"*4*061*02*{code}#", session_id=f"{code}-2"))[1]
            for code in ("2001000377", "2001000344", "2001000385")
        ]

    assert ["کارشناسی، 3 از 4", "مرحله 2 از 4"] == [
        next(line for line in text.split("\n") if " از " in line) for _, text in answered
    ]
    assert "CON درخواست 2001000377\nدر حال بررسی (خبر 09/01)\nسامانه اداره قطع است" in down[0]
    assert "CON درخواست 2001000344\n" in down[1]
    assert "(خبر 09/01)" in down[1]
    assert "سامانه اداره فعلا قطع است" in down[2]
