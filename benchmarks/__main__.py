"""`make bench`: measures, and writes docs/speed.md."""

import os
import platform
from datetime import date
from pathlib import Path

from benchmarks.measure import Measured, measured
from benchmarks.works import works
from gateway.clock import SystemClock
from tests.revision import Revision, revision

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "speed.md"
ROUNDS = 20
BAR_US = 75
"""What a step plus render may cost at the median."""


def written(results: list[Measured], ran: Revision, day: date) -> str:
    unit = results[0].median_us
    rows = [
        f"| {each.work.name} | {each.median_us:,.1f} | {each.p99_us:,.1f} | {each.median_us / unit:,.2f} |"
        for each in results
    ]
    barred = [each for each in results if each.work.barred]
    over = [f"*{each.work.name}* ({each.median_us:,.0f})" for each in barred if each.median_us >= BAR_US]
    verdict = f"above it: {', '.join(over)}" if over else f"it holds for all {len(barred)}"
    return "\n".join(
        [
            "# Speed",
            "",
            (
                f"Written by `make bench` on {ran}, {day.isoformat()}; nothing here is by hand. {os.cpu_count()} cores,"
                f" {platform.python_implementation()} {platform.python_version()}, {platform.machine()}."
            ),
            "",
            f"A step plus render is to cost less than {BAR_US} µs at the median: {verdict}.",
            "",
            "| what | median, µs | p99, µs | of the yardstick |",
            "|---|---|---|---|",
            *rows,
            "",
            (
                "Machines compare by the last column: the yardstick is a fixed loop run between the rounds. p99 has the"
                " garbage collector's pauses, and whatever else this machine was doing."
            ),
            "",
        ]
    )


def main(document: Path = DOCUMENT, rounds: int = ROUNDS) -> None:
    results = measured(works(), rounds)
    text = written(results, revision(ROOT), SystemClock().now().date())
    document.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
