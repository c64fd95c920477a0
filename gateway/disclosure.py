"""What an answer may show to whom. State, desk and dates to whoever types the number; subject and sender, and a secret
case at all, only to who has proved that it is hers: by its receipt code, or by the phone the office has of her. To
everybody else a secret case looks exactly like a missing one."""

import msgspec

from gateway import msisdn as numbers
from menus.ports import Answer, Case, Found, Missing, Several


def disclosed(answer: Answer, msisdn: str) -> Answer:
    """The answer as the caller with this number (E.164) may read it."""
    match answer:
        case Found(case=case):
            shown = _shown(case, msisdn)
            return Missing() if shown is None else msgspec.structs.replace(answer, case=shown)
        case Several(cases=cases):
            left = tuple(shown for case in cases if (shown := _shown(case, msisdn)) is not None)
            if len(left) == 1:
                return Found(left[0], answer.as_of)
            return Several(left, answer.as_of) if left else Missing()
        case _:
            return answer


def _shown(case: Case, msisdn: str) -> Case | None:
    proven = case.proven or (case.citizen_phone != "" and numbers.normal(case.citizen_phone) == msisdn)
    if proven:
        return msgspec.structs.replace(case, proven=True, citizen_phone="")
    if case.secret:
        return None
    return msgspec.structs.replace(case, subject="", sender="", citizen_phone="")
