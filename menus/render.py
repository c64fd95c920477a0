"""A Screen and a Capacity to pages that fit, navigation counted. Size is met by paging, never by cutting.

A page takes whole lines; a line longer than a page breaks at its words. `9` is always shown where there is more;
`0` and `00` only where there is room, since they are understood everywhere.
"""

from contextlib import suppress
from dataclasses import replace

from menus.alphabet import Capacity, fits, segments
from menus.screens import Navigation, Page, Screen
from menus.templates import joined, shortened

PER_PAGE = 8
"""Choices a page at most: 9 and 0 mean more and back."""

ROW_UNITS = 20
"""Short choices share a line up to this width, about what a feature phone shows in one (wording.md's screens)."""


class TooLong(Exception):
    """A word, a label or the navigation is longer than a page. The author's; the checker finds it before a citizen."""


def render(screen: Screen, capacity: Capacity, navigation: Navigation) -> tuple[Page, ...]:
    """At least one page. Raises TooLong when no paging can make it fit. Of a text and its short variant the first,
    unless it takes more pages (more SMS) than the short one."""
    pages = _rendered(screen, capacity, navigation)
    if not screen.offered:
        return pages
    return tuple(replace(page, keys={key: screen.offered[place] for key, place in page.keys.items()}) for page in pages)


def _rendered(screen: Screen, capacity: Capacity, navigation: Navigation) -> tuple[Page, ...]:
    if capacity.parts > 1:
        return (_shorter_message(screen, capacity),)
    variants = [(each, joined(each.parts)) for each in (screen, screen.short) if each is not None]
    for each, body in variants:
        if whole := _whole(each, body, capacity, navigation):
            return (whole,)
    *longer, (last, body) = variants
    fewest = _paged(last, body, capacity, navigation)
    for each, body in longer:
        with suppress(TooLong):
            fewest = min(_paged(each, body, capacity, navigation), fewest, key=len)
    return fewest


def _shorter_message(screen: Screen, capacity: Capacity) -> Page:
    """The screen as an SMS, in its short words where they save one."""
    if screen.short is None:
        return _message(screen, capacity)
    short = _message(screen.short, capacity)
    with suppress(TooLong):
        return min(_message(screen, capacity), short, key=lambda page: segments(page.text))
    return short


def _message(screen: Screen, capacity: Capacity) -> Page:
    """An SMS: one segment when leaving out what matters least achieves it, else as many as it takes."""
    labels = _rows([f"{place + 1}){label}" for place, label in enumerate(screen.labels)])
    tail = "".join(f"\n{row}" for row in labels)
    segment = replace(capacity, parts=1)
    text = shortened(screen.parts, lambda body: fits(body + tail, segment)) + tail
    if not fits(text, segment):
        text = joined(screen.parts) + tail
    if not fits(text, capacity) and screen.listed and len(screen.labels) > 1:
        return _message(replace(screen, labels=screen.labels[:-1]), capacity)  # the first ones; an SMS has no 9
    if not fits(text, capacity):
        raise TooLong(f"{screen.name} is longer than {capacity.parts} SMS")
    keys = {str(place + 1): place for place in range(len(screen.labels))}
    return Page(text, text, "", keys, more=False, end=not (screen.labels or screen.open))


def _whole(screen: Screen, body: str, capacity: Capacity, navigation: Navigation) -> Page | None:
    """Everything on one page, with as much navigation as there is room for; None when it does not fit."""
    if len(screen.labels) > PER_PAGE:
        return None
    end = not (screen.labels or screen.open)
    choices = [f"{place + 1}){label}" for place, label in enumerate(screen.labels)]
    for extra in _extras(screen, navigation, end=end):
        text = "\n".join([*([body] if body else []), *_rows([*choices, *extra])])
        if fits(text, capacity):
            keys = {str(place + 1): place for place in range(len(choices))}
            return Page(text, "\n".join(filter(None, [body, *_rows(choices)])), "", keys, more=False, end=end)
    return None


def _extras(screen: Screen, navigation: Navigation, *, end: bool) -> list[list[str]]:
    """Navigation lines from the richest to none. A screen that ends the session offers none: nobody could answer."""
    if end:
        return [[]]
    back = [f"0){navigation.back}"] if screen.back else []
    main = [f"00){navigation.main}"] if screen.home and not screen.back else []
    return [back or main, []]


def _rows(items: list[str]) -> list[str]:
    """Items in order, neighbours on one line while it stays short."""
    rows: list[str] = []
    for item in items:
        if rows and len(rows[-1]) + 1 + len(item) <= ROW_UNITS:
            rows[-1] += " " + item
        else:
            rows.append(item)
    return rows


def _paged(screen: Screen, body: str, capacity: Capacity, navigation: Navigation) -> tuple[Page, ...]:
    more = f"9){navigation.more}"
    back = f"0){navigation.back}"
    pages: list[Page] = []
    lines = [(line, None) for line in body.split("\n") if line] + [
        (label, place) for place, label in enumerate(screen.labels)
    ]
    items: list[tuple[str, int | None]] = list(lines)
    glue = ""
    while items:
        taken, rest, next_glue = _fill(items, capacity, more, listed=screen.listed)
        keys, text = _numbered(taken, listed=screen.listed)
        last = not rest
        end = last and not (screen.labels or screen.open)
        behind = [back] if pages or screen.back else []
        tails = [[]] if end else [behind, []] if last else [[more, *behind], [more]]
        full = next(
            (full for tail in tails if fits(full := "\n".join([text, *_rows(list(tail))]), capacity)),
            None,
        )
        if full is None:
            raise TooLong(f"{screen.name}: a line with {more!r} is longer than a page")
        # The numbers of a fixed list are the same on all pages, so one read before may be typed now.
        known = keys if screen.listed else {str(place + 1): place for place in range(len(screen.labels))}
        pages.append(Page(full, text, glue, known, more=not last, end=end))
        items, glue = rest, next_glue
    return tuple(pages)


def _numbered(items: list[tuple[str, int | None]], *, listed: bool) -> tuple[dict[str, int], str]:
    """The lines of a page with its choices numbered: over the whole screen, or anew on each page of a list."""
    texts = [text for text, place in items if place is None]
    places = [(text, place) for text, place in items if place is not None]
    keys: dict[str, int] = {}
    choices = []
    for row, (label, place) in enumerate(places):
        key = str(row + 1 if listed else place + 1)
        keys[key] = place
        choices.append(f"{key}){label}")
    return keys, "\n".join([*texts, *(choices if listed else _rows(choices))])


def _fill(
    items: list[tuple[str, int | None]], capacity: Capacity, more: str, *, listed: bool
) -> tuple[list[tuple[str, int | None]], list[tuple[str, int | None]], str]:
    """As many items as fit one page together with `more`; what is left; and what joins the two again."""

    def room(candidate: list[tuple[str, int | None]], *, last: bool) -> bool:
        if sum(place is not None for _, place in candidate) > PER_PAGE:
            return False
        text = _numbered(candidate, listed=listed)[1]
        return fits(text if last else f"{text}\n{more}", capacity)

    taken: list[tuple[str, int | None]] = []
    for index, item in enumerate(items):
        if room([*taken, item], last=index == len(items) - 1):
            taken.append(item)
        else:
            break
    rest = items[len(taken) :]
    if taken:
        return taken, rest, "\n" if rest else ""
    # The first line alone is longer than a page: break it at its words.
    text, place = items[0]
    words = text.split(" ")
    count = max((n for n in range(1, len(words)) if room([(" ".join(words[:n]), None)], last=False)), default=0)
    if place is not None or count == 0:
        raise TooLong(f"a line with {more!r} is longer than a page")
    return [(" ".join(words[:count]), None)], [(" ".join(words[count:]), None), *items[1:]], " "
