"""What a bare number may show. State, desk and dates may; a secret letter looks exactly like a missing one."""

from menus.ports import Answer, Found, Missing, Several


def disclosed(answer: Answer) -> Answer:
    """The answer as anybody may read it who types the number."""
    match answer:
        case Found(case=case):
            return Missing() if case.secret else answer
        case Several(cases=cases):
            left = tuple(case for case in cases if not case.secret)
            if len(left) == 1:
                return Found(left[0])
            return Several(left) if left else Missing()
        case _:
            return answer
