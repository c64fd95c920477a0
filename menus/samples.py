"""Sample answers: what an office might say, for pages printed, tried and checked without one. Pure data."""

from datetime import date, timedelta

import msgspec

from menus.ports import Answer, Case, CaseStep, Done, Found, Late, Missing, Refused, Several, State, Unavailable

SECRETARIAT = {"fa": "دبیرخانه", "ar": "السكرتارية", "en": "Secretariat"}
LEGAL = {"fa": "دفتر حقوقی", "ar": "القانونية", "en": "Legal Office"}
GOVERNORATE = {"fa": "استانداری", "ar": "المحافظة", "en": "Governorate"}
MUNICIPALITY = {"fa": "شهرداری", "ar": "البلدية", "en": "Municipality"}


SUBJECT = "آسفالت کوچه شهید رضایی"


def case(
    kind: str, number: str, today: date, state: State = State.IN_PROGRESS, *, closed_with: str | None = None
) -> Case:
    """A case with every field an office may know."""
    return Case(
        kind=kind,
        number=number,
        state=state,
        organisation=GOVERNORATE,
        year=1405,
        desk=LEGAL,
        changed_on=today - timedelta(days=6),
        due_on=today + timedelta(days=9),
        steps=(CaseStep(SECRETARIAT, today - timedelta(days=9)), CaseStep(LEGAL, today - timedelta(days=6))),
        step=2,
        steps_total=4,
        answer_number=closed_with,
        lacking={"fa": "کپی شناسنامه", "ar": "نسخة شهادة ميلاد", "en": "Copy of ID"},
        phone="06133360001",
    )


def answers(kind: str, number: str, today: date) -> dict[str, Answer]:
    """One answer of each sort, by a name an operator reads: found in each state, several, and what goes wrong."""
    found: dict[str, Answer] = {f"found, {state}": Found(case(kind, number, today, state)) for state in State}
    found["found, answered"] = Found(case(kind, number, today, State.ANSWERED, closed_with="5512"))
    found["found, closed with an answer"] = Found(case(kind, number, today, State.CLOSED, closed_with="5512"))
    late = case(kind, number, today)
    found["found, overdue"] = Found(msgspec.structs.replace(late, due_on=today - timedelta(days=5)))
    found["found, and proved to be hers"] = Found(msgspec.structs.replace(late, proven=True, subject=SUBJECT))
    found["found, an answer of three days ago"] = Found(late, as_of=today - timedelta(days=3), down=True)
    elsewhere = Case(kind=kind, number=number, state=State.SEEN, organisation=MUNICIPALITY, year=1404)
    found["several"] = Several((case(kind, number, today), elsewhere))
    return {
        **found,
        "missing": Missing(),
        "refused": Refused(),
        "late": Late(),
        "unavailable": Unavailable(),
    }


DONE = Done()

CANNED = {
    "110718": "found, answered",
    "12346": "found, closed with an answer",
    "12347": "found, closed",
    "12348": "found, rejected",
    "12349": "found, overdue",
    "2001000344": "found, needs_citizen",
    "22010": "several",
    "99999": "missing",
    "31415": "late",
    "50050": "found, an answer of three days ago",
    "50051": "unavailable",
}
"""What a number is answered with where a menu is tried without an office; any other is under review."""


def canned(kind: str, number: str, today: date) -> Answer:
    return answers(kind, number, today)[CANNED.get(number, "found, in_progress")]
