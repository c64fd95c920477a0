"""Where a menu leads: the screens a citizen can come to, and rows of asks that never come to one."""

from collections.abc import Iterator, Mapping

from menus.definition import PREVIOUS, RESERVED, SERVICES, AskDef, Menu, ScreenDef
from menus.machine import MAX_ASKS, Wire
from menus.ports import OUTCOMES


def asks(menu: Menu) -> list[AskDef]:
    return [node for node in menu.nodes.values() if isinstance(node, AskDef)]


def screens(menu: Menu) -> list[ScreenDef]:
    return [node for node in menu.nodes.values() if isinstance(node, ScreenDef)]


def words(ask: AskDef) -> tuple[str, ...]:
    """The outcomes that may come back: our own services say done or unavailable, offices everything else."""
    return ("done", "unavailable") if ask.route in SERVICES else tuple(word for word in OUTCOMES if word != "done")


def behind(menu: Menu, ask: AskDef, word: str) -> list[str]:
    """Where an outcome may lead, as the machine decides it: the branches, else the screen of that name."""
    branches = ask.branches.get(word, ())
    sure = any(not branch.when for branch in branches)
    otherwise = [] if sure else [word if word in menu.nodes else "unavailable"]
    return [branch.next for branch in branches] + otherwise


def _next(menu: Menu, name: str, wire: Wire) -> list[str]:
    match menu.nodes.get(name):
        case ScreenDef() as screen:
            # By SMS a text of its own comes without numbered choices.
            chosen = [] if wire == "sms" and screen.sms else [choice.next for choice in screen.choices]
            return [name for name in chosen if name != PREVIOUS] + [branch.next for branch in screen.then]
        case AskDef() as ask:
            return [target for word in words(ask) for target in behind(menu, ask, word)]
        case None:
            return []


def reached(menu: Menu, wire: Wire) -> set[str]:
    """Every screen and ask a citizen can come to on this wire."""
    waiting = [menu.start, *(entry.next for entry in menu.entries.values()), *sorted(RESERVED)]
    if wire == "sms":  # what was asked on a phone may be answered by SMS
        by_phone = reached(menu, "ussd")
        waiting += [ask.name for ask in asks(menu) if ask.name in by_phone]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _next(menu, name, wire)
    return found


def unreached(menu: Menu) -> Iterator[tuple[str, str]]:
    """Nodes nobody comes to, each with what to do."""
    by_phone = reached(menu, "ussd")
    for name, node in menu.nodes.items():
        if name not in by_phone and isinstance(node, AskDef):
            yield name, "nobody asks this; lead to it with next: or delete it"
        elif name not in by_phone:
            yield name, "no choice, outcome or entry leads here; lead to it with next: or delete it"


def loops(menu: Menu) -> Iterator[tuple[str, str]]:
    """Asks behind asks, for any sequence of outcomes: a ring of them never ends, a long row is more than a turn may."""
    names = {ask.name for ask in asks(menu)}
    follows = {name: [to for to in dict.fromkeys(_next(menu, name, "ussd")) if to in names] for name in sorted(names)}
    told: set[frozenset[str]] = set()
    for name in follows:
        ring = _way(follows, name, name)
        if ring and frozenset(ring) not in told:
            told.add(frozenset(ring))
            yield name, f"asks follow one another without end ({' > '.join([*ring, name])}); put a screen between"
    if told:
        return  # where there are rings, no row has a length
    for name in follows:
        row = _longest(follows, name, {})
        behind_another = any(name in targets for targets in follows.values())
        if len(row) > MAX_ASKS and not behind_another:
            yield name, f"{len(row)} asks follow one another, at most {MAX_ASKS} may: {' > '.join(row)}"


def _way(follows: Mapping[str, list[str]], start: str, goal: str) -> list[str]:
    """The shortest row of asks from start whose last leads to goal, or nothing."""
    rows, seen = [[start]], {start}
    for row in rows:
        for target in follows[row[-1]]:
            if target == goal:
                return row
            if target not in seen:
                seen.add(target)
                rows.append([*row, target])
    return []


def _longest(follows: Mapping[str, list[str]], name: str, known: dict[str, list[str]]) -> list[str]:
    if name not in known:
        rows = [_longest(follows, target, known) for target in follows[name]]
        known[name] = [name, *max(rows, key=len, default=[])]
    return known[name]


def inputs_of_each_way(menu: Menu) -> list[set[str]]:
    """For each way in, the names of inputs that may be kept together: until the first screen is seen again."""
    first = menu.nodes.get(menu.start)
    ways = [choice.next for choice in first.choices] if isinstance(first, ScreenDef) else []
    found = []
    for way in dict.fromkeys([*ways, *(entry.next for entry in menu.entries.values())]):
        seen, waiting = {menu.start}, [way]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += _next(menu, name, "ussd")
        nodes = [menu.nodes.get(name) for name in seen]
        found.append({node.input.into for node in nodes if isinstance(node, ScreenDef) and node.input is not None})
    return found
