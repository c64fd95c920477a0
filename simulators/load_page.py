"""A load result as one page: plots and the same figures as tables. No script, and nothing fetched from anywhere."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from simulators.load_result import SHARES, Result, refusal

FRAME = Path(__file__).with_name("load_page.html")

MOST_DOTS = 60
WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 120, 16, 36

Line = tuple[str, Sequence[tuple[float, float]]]
"""A name and its points."""


def page(result: Result) -> str:
    body = [
        f"<h1>{result.dialogues_per_s:g} dialogues a second for {result.seconds:g} s</h1>",
        (
            f"<p>{escape(result.channel)} of {escape(result.url)}: {result.begun} begun, {result.over} over, "
            f"{result.failed} failed. Measured from the moment each dialogue was due.</p>"
        ),
        f"<p>Our own lag: {result.lag.late:.1%} late, p50 {result.lag.p50:.1f} ms, at most {result.lag.max:.1f} ms.",
    ]
    if result.quoted:
        body += _plots(result)
        head = ("step", "count", *SHARES, "max")
        rows = [
            [act, str(step.count), *(_told(value) for value in (*step.percentiles.values(), step.max))]
            for act, step in result.steps.items()
        ]
        body.append("<h2>Milliseconds by step</h2>" + _table(head, rows))
    else:
        body.append(f"<p class=refused>{escape(refusal(result))}</p>")
    if result.errors:
        rows = [[kind, str(count), result.examples[kind]] for kind, count in result.errors.items()]
        body.append("<h2>What failed</h2>" + _table(("kind", "count", "for example"), rows))
    weights = [[name, f"{weight:g}"] for name, weight in result.mix.items()]
    body.append("<h2>What was played</h2>" + _table(("conversation", "weight"), weights))
    return Template(FRAME.read_text(encoding="utf-8")).substitute(body="\n".join(body))


def _plots(result: Result) -> list[str]:
    time = result.timeline
    names = [*SHARES, "max"]
    curves: list[Line] = []
    for act, step in result.steps.items():
        values = [*step.percentiles.values(), step.max]
        curves.append((act, [(float(at), value) for at, value in enumerate(values) if value is not None]))
    over_time: list[Line] = [
        (name, [(float(each.at_s), value) for each in time if (value := getattr(each, name)) is not None])
        for name in ("p50", "p99", "max")
    ]
    flow: list[Line] = [
        (name, [(float(each.at_s), float(getattr(each, name))) for each in time]) for name in ("begun", "over")
    ]
    return [
        "<h2>Milliseconds by the second a step was due in</h2>",
        _plot(over_time, _steps_of([float(each.at_s) for each in time]), "ms", logarithmic=True),
        "<h2>Dialogues a second</h2>",
        _plot(flow, _steps_of([float(each.at_s) for each in time]), "", logarithmic=False),
        "<h2>Milliseconds by percentile</h2>",
        _plot(curves, [(float(at), name) for at, name in enumerate(names)], "ms", logarithmic=True),
    ]


def _steps_of(seconds: Sequence[float]) -> list[tuple[float, str]]:
    """Some ten of them, at round numbers."""
    most = max(seconds, default=0.0)
    every = next(step for step in (1, 2, 5, 10, 30, 60, 300, 600, 3600, 10**9) if most / step <= 12)
    return [(float(at), f"{at} s") for at in range(0, int(most) + 1, every)]


def _plot(lines: Sequence[Line], ticks: Sequence[tuple[float, str]], unit: str, *, logarithmic: bool) -> str:
    values = [value for _, points in lines for _, value in points]
    if not values:
        return "<p>Nothing was measured.</p>"
    low, high, marks = _logarithmic(values) if logarithmic else _linear(values)
    furthest = max([at for at, _ in ticks] + [at for _, points in lines for at, _ in points]) or 1.0

    def x(at: float) -> float:
        return LEFT + at / furthest * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        share = math.log10(max(value, low) / low) / math.log10(high / low) if logarithmic else value / high
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">']
    for mark in marks:
        parts.append(f'<path class="grid" d="M{LEFT} {y(mark):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:g} {unit}</text>')
    for at, name in ticks:
        parts.append(f'<text x="{x(at):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{escape(name)}</text>')
    for place, (name, points) in enumerate(line for line in lines if line[1]):
        way = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in points)
        parts.append(f'<polyline class="line l{place}" points="{way}"/>')
        if len(points) <= MOST_DOTS:
            parts += [f'<circle class="dot l{place}" cx="{x(a):.1f}" cy="{y(v):.1f}" r="2.5"/>' for a, v in points]
        legend = TOP + 12 + 20 * place
        parts.append(f'<circle class="dot l{place}" cx="{WIDTH - RIGHT + 24}" cy="{legend - 4}" r="5"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 36}" y="{legend}">{escape(name)}</text>')
    return "".join([*parts, "</svg>"])


def _logarithmic(values: Sequence[float]) -> tuple[float, float, list[float]]:
    lowest = math.floor(math.log10(max(min(values), 0.01)))
    highest = max(lowest + 1, math.ceil(math.log10(max(*values, 0.01, 0.01))))
    return 10.0**lowest, 10.0**highest, [10.0**power for power in range(lowest, highest + 1)]


def _linear(values: Sequence[float]) -> tuple[float, float, list[float]]:
    most = max(*values, 1.0, 1.0)
    step = next(size * 10**power for power in range(12) for size in (1, 2, 5) if most / (size * 10**power) <= 6)
    high = math.ceil(most / step) * step
    return 0.0, float(high), [float(mark) for mark in range(0, high + 1, step)]


def _told(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = ["<tr>" + "".join(f"<td>{escape(each)}</td>" for each in row) + "</tr>" for row in rows]
    return f"<table><tr>{titles}</tr>{''.join(lines)}</table>"
