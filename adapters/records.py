"""Where in an office's answer its records are, as `cases` of its file says.

An office has no such case when its answer is empty, or empty or null at the place `cases` names. That the place itself
is not there means nothing: most often the file is wrong, and every citizen would read that her letter does not exist.
"""

from collections.abc import Mapping
from typing import Any

import jmespath

from adapters.contract import BackendGarbage

MAX_NAMES = 12
"""Names of an answer that are told to whoever connects the office."""


class NotThere(LookupError):
    """A name of the expression that the answer does not have, and those it has."""


class Records:
    """expression: JMESPath."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._compiled = jmespath.compile(expression)

    def of(self, said: Any) -> list[Any]:
        """Raises BackendGarbage when they cannot be found; its cause has names of the answer, itself has not."""
        try:
            found = self._compiled.search(said)
            if found is None:
                followed(self._compiled.parsed, said)
        except NotThere as error:
            told = NotThere(f"cases: `{self._expression}` names nothing in the answer: {error}")
            raise BackendGarbage("its records cannot be found: cases names nothing in the answer") from told
        except (ValueError, TypeError, jmespath.exceptions.JMESPathError) as error:
            raise BackendGarbage(f"its records cannot be found: {type(error).__name__}") from error
        return found if isinstance(found, list) else [] if found in (None, "") else [found]


def followed(node: Mapping[str, Any], value: Any) -> Any:
    """What the names of an expression lead to, as far as names go; None from where there is nothing any more.

    Raises NotThere at a name that is not there, though something else is.
    """
    if not value:
        return None
    children = node["children"]
    match node["type"]:
        case "field":
            if not isinstance(value, dict):
                what = "list" if isinstance(value, list) else "text" if isinstance(value, str) else "value"
                raise NotThere(f"no `{node['value']}`; there is no name, but a {what}")
            if node["value"] not in value:
                names = ", ".join(map(str, list(value)[:MAX_NAMES])) + (", ..." if len(value) > MAX_NAMES else "")
                raise NotThere(f"no `{node['value']}`; there is: {names}")
            return value[node["value"]]
        case "subexpression" | "pipe":
            for child in children:
                value = followed(child, value)
            return value
        case "or_expression":
            try:
                return followed(children[0], value)
            except NotThere:
                return followed(children[1], value)
        case "projection" | "filter_projection" | "value_projection" | "index_expression" | "flatten":
            followed(children[0], value)  # behind it there may be fewer than one
            return None
        case _:
            return None
