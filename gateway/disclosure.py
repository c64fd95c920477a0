"""What a bare number may show. State, desk and dates may; a confidential letter looks exactly like a missing one."""

from menus.ports import Answer, Case, Found, Missing, Several

OPEN_WORDS = frozenset({"", "عادی", "normal"})
"""An office's words for no secrecy at all. Any other word is one we do not show: unknown is treated as secret."""


def disclosed(answer: Answer) -> Answer:
    """The answer as anybody may read it who types the number."""
    match answer:
        case Found(case=case):
            return answer if _open(case) else Missing()
        case Several(cases=cases):
            left = tuple(case for case in cases if _open(case))
            if len(left) == 1:
                return Found(left[0])
            return Several(left) if left else Missing()
        case _:
            return answer


def _open(case: Case) -> bool:
    return case.classification in OPEN_WORDS
