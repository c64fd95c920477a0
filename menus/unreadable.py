"""Why a text is no YAML, in an author's words, and the line she has to mend.

libyaml tells where it gave up; what was forgotten often stands before that: a quote without its end swallows whole
lines, and braces go on until something in them is strange.
"""

import re
from contextlib import suppress

import yaml

_LOOK = (
    "look here and upwards, to the last text you changed, "
    "for a missing quote, a colon outside quotes or wrong indentation"
)

_NO_SPACE = re.compile(r"\s*(?:- +)?([a-z][a-z0-9_]*):[^\s:/]")

_WORDS = {
    "did not find expected key": (
        "this is not YAML: something stands behind the end of a text, or a line is indented otherwise than its "
        f"neighbours; {_LOOK}"
    ),
    "could not find expected ':'": "this line has no colon behind its first word: write key: text",
    "mapping values are not allowed in this context": (
        "a colon stands where none is expected: put a text with a colon in quotes, or begin this line below the one "
        "above it"
    ),
    "did not find expected alphabetic or numeric character": "a text that begins with * or & is put in quotes",
    "found unknown escape character": (
        'behind a \\ in quotes stands n for a new line, " for a quote or another \\, nothing else'
    ),
    "did not find expected '-' indicator": (
        "this line stands in a list and has no - in front; indent it as its neighbours"
    ),
}


def explained(text: str, error: Exception) -> tuple[int, str]:
    """The line to mend, counted from 1, and what is wrong there."""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return 1, f"this is not YAML: {problem}; {_LOOK}"
    context = getattr(error, "context_mark", None) or mark
    lines = text.split("\n")
    here = lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""
    open_quote = _open_quote(text, mark.line)
    if open_quote is not None:
        return open_quote
    if problem == "found unexpected end of stream":
        sign = lines[context.line][context.column]
        return context.line + 1, f"the quote that opens here is never closed; put a {sign} at the end of the text"
    if "tab character" in problem or here == "\t":
        return mark.line + 1, "a Tab stands here; use spaces"
    if problem == "found character that cannot start any token":
        return mark.line + 1, f"a text that begins with {here} is put in quotes"
    if (expected := re.fullmatch("did not find expected ',' or '([]}])'", problem)) is not None:
        end = expected[1]
        return context.line + 1, (
            f"the {'{' if end == '}' else '['} that opens here is not closed: a {end} at its end, "
            "or a comma between its parts, is missing"
        )
    if problem.startswith(("could not find", "mapping values")):
        for number in range(min(context.line, max(mark.line - 1, 0)), mark.line + 1):
            if number < len(lines) and (joined := _NO_SPACE.match(lines[number])):
                return number + 1, f"a space is missing behind {joined[1]}:"
    if problem == "could not find expected ':'":  # noticed at the end of the line
        return context.line + 1, _WORDS[problem]
    return mark.line + 1, _WORDS.get(problem, f"this is not YAML: {problem}; {_LOOK}")


def _open_quote(text: str, line: int) -> tuple[int, str] | None:
    """Where the quoted text began that ended only on the line at which reading stopped. Texts end where they begin, so
    its own end was forgotten, and the one that ended it opens another."""
    with suppress(yaml.YAMLError, ValueError):
        for token in yaml.scan(text, Loader=yaml.CSafeLoader):
            if token.start_mark.line > line:
                break
            if isinstance(token, yaml.ScalarToken) and token.style in ('"', "'"):
                start, end = token.start_mark.line, token.end_mark.line
                if start < end == line:
                    return start + 1, (
                        f"the quote that opens here ends on line {end + 1} only; "
                        f"is a {token.style} missing at the end of this line?"
                    )
    return None
