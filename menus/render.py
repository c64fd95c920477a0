"""A Screen and a Capacity to pages that fit, navigation counted. Size is met by paging, never by cutting.

A page takes whole lines; a line longer than a page breaks at its words. `9` is always shown where there is more;
`0` and `00` only where there is room, since they are understood everywhere.
"""

from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from menus.alphabet import Capacity, fits, segments
from menus.screens import Navigation, Page, Screen
from menus.templates import joined, shortened

PER_PAGE = 8
"""Choices a page at most: 9 and 0 mean more and back."""

ROW_UNITS = 20
"""Short choices share a line up to this width, about what a feature phone shows in one (wording.md's screens)."""


class TooLong(Exception):
    """A word, a label or the navigation is longer than a page. The author's; the checker finds it before a citizen."""


def render(screen: Screen, capacity: Capacity, navigation: Navigation, *, until: int | None = None) -> tuple[Page, ...]:
    """At least one page. Raises TooLong when no paging can make it fit. Of a text and its short variant the first,
    unless it takes more pages (more SMS) than the short one. until: the index of the page that is wanted; those behind
    it need not be made, and the last one made says by `more` that there are such."""
    pages = _rendered(screen, capacity, navigation, until)
    if not screen.offered:
        return pages
    return tuple(replace(page, keys={key: screen.offered[place] for key, place in page.keys.items()}) for page in pages)


def _rendered(screen: Screen, capacity: Capacity, navigation: Navigation, until: int | None) -> tuple[Page, ...]:
    if capacity.parts > 1:
        return (_shorter_message(screen, capacity),)
    variants = [(each, joined(each.parts)) for each in (screen, screen.short) if each is not None]
    for each, body in variants:
        if whole := _whole(each, body, capacity, navigation):
            return (whole,)
    *longer, (last, body) = variants
    if not longer:
        return _paged(last, body, capacity, navigation, until)
    fewest = _paged(last, body, capacity, navigation, None)
    for each, body in longer:
        with suppress(TooLong):
            fewest = min(_paged(each, body, capacity, navigation, None), fewest, key=len)
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


def _paged(
    screen: Screen, body: str, capacity: Capacity, navigation: Navigation, until: int | None
) -> tuple[Page, ...]:
    more = f"9){navigation.more}"
    back = f"0){navigation.back}"
    pages: list[Page] = []
    items: list[_Item] = [(line, None) for line in body.split("\n") if line]
    items += zip(screen.labels, range(len(screen.labels)), strict=True)
    glue = ""
    while items and (until is None or len(pages) <= until):
        page, rest, next_glue = _fill(items, capacity, more, listed=screen.listed)
        last = not rest
        end = last and not (screen.labels or screen.open)
        behind = [back] if pages or screen.back else []
        tails = [[]] if end else [behind, []] if last else [[more, *behind], [more]]
        full = next(
            (full for tail in tails if fits(full := "\n".join([page.text, *_rows(list(tail))]), capacity)),
            None,
        )
        if full is None:
            raise TooLong(f"{screen.name}: a line with {more!r} is longer than a page")
        # The numbers of a fixed list are the same on all pages, so one read before may be typed now.
        known = page.keys if screen.listed else {str(place + 1): place for place in range(len(screen.labels))}
        pages.append(Page(full, page.text, glue, known, more=not last, end=end))
        items, glue = rest, next_glue
    return tuple(pages)


_Item = tuple[str, int | None]
"""A line of the body, or a choice and its place among them."""


class _Laid(NamedTuple):
    """Items as they stand on a page, its choices numbered: over the whole screen, or anew on each page of a list."""

    text: str
    keys: dict[str, int]
    row: int = 0
    """Units of the last row, when it is one of choices."""

    def with_item(self, item: _Item, *, listed: bool) -> "_Laid":
        said, place = item
        if place is None:
            return _Laid(f"{self.text}\n{said}" if self.text else said, self.keys)
        key = str(len(self.keys) + 1 if listed else place + 1)
        label = f"{key}){said}"
        beside = self.row and not listed and self.row + 1 + len(label) <= ROW_UNITS
        between = " " if beside else "\n"
        text = f"{self.text}{between}{label}" if self.text else label
        return _Laid(text, {**self.keys, key: place}, self.row + 1 + len(label) if beside else len(label))


def _fill(items: list[_Item], capacity: Capacity, more: str, *, listed: bool) -> tuple[_Laid, list[_Item], str]:
    """As many items as fit one page together with `more`; what is left; and what joins the two again."""

    def room(page: _Laid, *, last: bool) -> bool:
        return len(page.keys) <= PER_PAGE and fits(page.text if last else f"{page.text}\n{more}", capacity)

    page, taken = _Laid("", {}), 0
    for item in items:
        longer = page.with_item(item, listed=listed)
        if not room(longer, last=taken == len(items) - 1):
            break
        page, taken = longer, taken + 1
    if taken:
        return page, items[taken:], "\n" if taken < len(items) else ""
    # The first line alone is longer than a page: break it at its words.
    text, place = items[0]
    words = text.split(" ")
    count = max((n for n in range(1, len(words)) if room(_Laid(" ".join(words[:n]), {}), last=False)), default=0)
    if place is not None or count == 0:
        raise TooLong(f"a line with {more!r} is longer than a page")
    return _Laid(" ".join(words[:count]), {}), [(" ".join(words[count:]), None), *items[1:]], " "
