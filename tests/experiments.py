"""Experiments: promises tried thousands of times over, with what came of it on record. A plugin of pytest.

    @pytest.mark.experiment("B5", "pages joined are the text")
    def test_pages_joined_are_the_text(figure):
        @often(20_000)
        @given(texts)
        def tried(text):
            ...
            figure.count("runs")

        tried()

`make test` runs a tenth of the counts, the same ones each time. `make prove` runs all of them from a seed of its own,
keeps each result under var/proof/ and writes docs/proof.md from them. What passed at a commit is not run at it again,
so a run that was cut goes on where it stopped.
"""

import json
import random
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gateway.clock import SystemClock
from tests.revision import revision

RESULTS = Path("var/proof")
DOCUMENT = Path("docs/proof.md")

_proving = False


def counted(full: int, fewer: int | None = None) -> int:
    """So many of the runs that prove something: all of them in `make prove`, else a tenth, or fewer where even that is
    too much for `make test`."""
    return full if _proving else max(1, full // 10) if fewer is None else fewer


def proving() -> bool:
    """Whether this is `make prove`, which has time for the waits that citizens have."""
    return _proving


def often(full: int, **more) -> settings:
    """Settings of Hypothesis for an experiment of so many examples."""
    return settings(
        max_examples=counted(full),
        derandomize=not _proving,
        database=None,  # a seed brings a failure back, on any machine
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        **more,
    )


class Figures:
    """What an experiment counts or measures. `runs` has a column of its own."""

    def __init__(self, values: dict) -> None:
        self._values = values

    def __call__(self, name: str, value) -> None:
        self._values[name] = value

    def count(self, name: str, by: int = 1) -> None:
        self._values[name] = self._values.get(name, 0) + by

    def most(self, name: str, value: int) -> None:
        self._values[name] = max(value, self._values.get(name, value))


@pytest.fixture
def figure(request) -> Figures:
    values: dict = {}
    request.node.user_properties.append(("figures", values))
    return Figures(values)


# --- the plugin -----------------------------------------------------------------------------------------------------


def pytest_addoption(parser):
    parser.addoption("--prove", metavar="IDS", help="run experiments in full: `all`, or ids with blanks between")


@pytest.hookimpl(tryfirst=True)  # before Hypothesis looks for a seed
def pytest_configure(config):
    global _proving
    config.addinivalue_line("markers", "experiment(id, proves): run in full by make prove")
    _proving = config.getoption("--prove") is not None
    if _proving:
        if config.option.hypothesis_seed is None:
            config.option.hypothesis_seed = str(random.SystemRandom().randrange(10**9))
        config.pluginmanager.register(_Proof(config))


class _Proof:
    """One run of make prove."""

    def __init__(self, config) -> None:
        asked = config.getoption("--prove").split()
        self._only = set() if asked == ["all"] else set(asked)
        self._seed = config.option.hypothesis_seed
        self._revision = revision(config.rootpath)
        self._folder = config.rootpath / RESULTS / self._revision.key
        self._document = config.rootpath / DOCUMENT
        self._files: dict[str, Path] = {}
        self._experiments: dict[str, tuple[str, str]] = {}
        self._failed: set[str] = set()
        self._seconds: dict[str, float] = {}
        self._before = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        for item in items:
            if mark := item.get_closest_marker("experiment"):
                name, proves = mark.args
                self._experiments[item.nodeid] = name, proves
                self._files[item.nodeid] = self._folder / f"{name}-{re.sub(r'[^A-Za-z0-9_]+', '-', item.name)}.json"
                item.add_marker(pytest.mark.timeout(0), append=False)  # before one that is meant for a tenth
        if len(set(self._files.values())) < len(self._files):
            raise pytest.UsageError("two experiments have the same id and name")
        if unknown := self._only - {name for name, _ in self._experiments.values()}:
            raise pytest.UsageError(f"there is no experiment {', '.join(sorted(unknown))}")
        if self._revision.changed and not self._only:
            shutil.rmtree(self._folder, ignore_errors=True)  # of another state of the tree, nobody knows which

        wanted = [item for item in items if self._wanted(item.nodeid)]
        due = [item for item in wanted if not self._passed_before(item.nodeid)]
        self._before = len(wanted) - len(due)
        config.hook.pytest_deselected(items=[item for item in items if item not in due])
        items[:] = due

    def _wanted(self, nodeid: str) -> bool:
        return nodeid in self._experiments and (not self._only or self._experiments[nodeid][0] in self._only)

    def _passed_before(self, nodeid: str) -> bool:
        path = self._files[nodeid]
        return not self._revision.changed and path.exists() and json.loads(path.read_text("utf-8"))["passed"]

    def pytest_runtest_logreport(self, report):
        if not report.passed:
            self._failed.add(report.nodeid)
        if report.when == "call":
            self._seconds[report.nodeid] = report.duration
        if report.when == "teardown":
            self._keep(report)

    def _keep(self, report) -> None:
        name, proves = self._experiments[report.nodeid]
        figures = dict(dict(report.user_properties).get("figures", {}))
        result = {
            "id": name, "test": report.nodeid, "proves": proves, "passed": report.nodeid not in self._failed,
            "runs": figures.pop("runs", 1), "figures": figures,
            "seconds": round(self._seconds.get(report.nodeid, 0.0), 1), "seed": self._seed,
            "commit": self._revision.key, "date": SystemClock().now().date().isoformat(),
        }  # fmt: skip
        path = self._files[report.nodeid]
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", "utf-8")
        beside.replace(path)

    def pytest_sessionfinish(self, session, exitstatus):
        if exitstatus not in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            self._document.parent.mkdir(parents=True, exist_ok=True)
            self._document.write_text(self._written(), "utf-8")
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._before:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.write_line(
            f"{DOCUMENT} is written: {self._revision}, seed {self._seed}; {self._before} passed before and were not run"
        )

    def _results(self) -> list[dict]:
        """Of another state of the tree that is no commit nobody knows what it was."""
        folders = sorted(self._folder.parent.iterdir(), key=lambda each: each.stat().st_mtime)
        folders = [each for each in folders if each != self._folder and not each.name.endswith("-changed")]
        found = {}
        for folder in (*folders, self._folder):
            for path in folder.glob("*.json"):
                result = json.loads(path.read_text("utf-8"))
                if result["test"] in self._experiments:
                    found[result["test"]] = result
        return list(found.values())

    def _written(self) -> str:
        """docs/proof.md: a row for each experiment there is, of this state of the tree or else of the last commit it
        was run on."""
        results = self._results()
        results.sort(key=lambda result: (result["id"][0], int(re.sub(r"\D", "", result["id"]) or 0), result["test"]))
        rows = [
            (
                each["id"], each["proves"].replace("|", r"\|"), f"`{each['test'].rpartition('::')[2].replace('|', '/')}`",
                f"{each['runs']:,}", "holds" if each["passed"] else "**FAILED**",
                ", ".join(f"{name} {_plain(value)}" for name, value in each["figures"].items()),
                f"{each['seconds']:,}", each["seed"], each["commit"], each["date"],
            )
            for each in results
        ]  # fmt: skip
        run = {each["test"] for each in results}
        missing = {name for nodeid, (name, _) in self._experiments.items() if nodeid not in run}
        head = ("id", "what is proved", "test", "runs", "result", "figures", "seconds", "seed", "commit", "date")
        return "\n".join(
            [
                "# What is proved",
                "",
                (
                    f"Written by `make prove` on {self._revision}; nothing here is by hand. An experiment tries one promise"
                    " many thousand times; `make test` runs a tenth of each."
                ),
                "A seed brings its run back: `.venv/bin/python -m pytest --prove=ID --hypothesis-seed=SEED`.",
                "A row is of the last commit on which its experiment was run, whatever came of it.",
                *(["", f"Not run: {', '.join(sorted(missing))}."] if missing else []),
                "",
                *("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)),
                "",
            ]
        )


def _plain(value) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
