"""The benchmarks run and write their table. How fast is this machine's affair, so no test asserts a time."""

import re

from benchmarks import __main__ as bench
from benchmarks.measure import Work, measured


def test_make_bench_writes_a_row_for_each_work(tmp_path, monkeypatch, capsys):
    works = bench.works()
    monkeypatch.setattr(bench, "works", lambda: [one_call(work) for work in works])
    bench.main(tmp_path / "speed.md", rounds=1)
    text = (tmp_path / "speed.md").read_text(encoding="utf-8")

    rows = re.findall(r"^\| (.+?) \| ([0-9.,]+) \| ([0-9.,]+) \| ([0-9.,]+) \|$", text, re.M)
    assert [work.name for work in works] == [name for name, *_ in rows]
    assert "1.00" == rows[0][-1]
    assert re.search(r"\d+ cores, \w+ 3\.\d+\.\d+", text)
    assert str(bench.ROOT) not in text


def one_call(work):
    return Work(work.name, work.timed, work.before, calls=1, barred=work.barred)


def test_each_call_gets_what_was_made_for_it():
    made, given = [], []

    def before():
        made.append(len(made))
        return made[-1]

    (result,) = measured([Work("a", given.append, before, calls=3)], rounds=2)

    assert [0, 1, 2, 3, 4, 5, 6, 7, 8] == given  # a round to warm up, and two that count
    assert 6 == result.calls
    assert result.median_us <= result.p99_us
