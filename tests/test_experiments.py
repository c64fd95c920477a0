"""What `make prove` promises: it selects, records, does not run twice what passed, and exits 1 when something fails."""

import json
import re
import subprocess

import pytest
from hypothesis import core

from tests import experiments

TWO = """
import pytest
from hypothesis import given, strategies as st
from tests.experiments import counted, often

@pytest.mark.experiment("A2", "numbers | are numbers")
def test_numbers(figure):
    @often(300)
    @given(st.integers())
    def tried(number):
        figure.count("runs")
    tried()
    figure("bits", 2_048)

@pytest.mark.experiment("A10", "what may fail holds")
def test_what_may_fail(figure, request):
    figure("runs", counted(50))
    assert not (request.config.rootpath / "var" / "broken").exists()

def test_of_another_kind():
    raise AssertionError("no experiment")
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A tree of its own under git, with two experiments and one test that is none."""
    # The runs inside share our process, which is quick; so what they set in it is put back.
    monkeypatch.setattr(experiments, "_proving", False)
    monkeypatch.setattr(core, "global_force_seed", None)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makeconftest('pytest_plugins = ["tests.experiments"]')
    pytester.makepyfile(test_two=TWO)
    ignored = ["var/", "__pycache__/", ".pytest_cache/", "*.py[co]", ".hypothesis/", "runpytest-*"]
    pytester.path.joinpath(".gitignore").write_text("\n".join(ignored))
    git(pytester, "init", "--quiet")
    commit(pytester)
    return pytester


def git(project, *arguments):
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    subprocess.run(["git", "-C", str(project.path), *identity, *arguments], check=True, capture_output=True)


def commit(project):
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "a state of the tree")


def proved(project, ids="all", *more):
    return project.runpytest_inprocess(f"--prove={ids}", *more)


def rows(project):
    """The document's rows by id: runs, result, figures, seed."""
    text = project.path.joinpath("docs/proof.md").read_text()
    found = [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in text.splitlines() if line.startswith("| A")]
    return {row[0]: (row[3], row[4], row[5], row[7]) for row in found}


def test_every_experiment_runs_in_full_and_has_its_row(project):
    proved(project, "all", "--hypothesis-seed=5").assert_outcomes(passed=2, deselected=1)

    assert {"A2": ("300", "holds", "bits 2,048", "5"), "A10": ("50", "holds", "", "5")} == rows(project)
    assert ["A2", "A10"] == list(rows(project))
    assert (
        "| A10 | what may fail holds | `test_what_may_fail` | 50 |"
        in project.path.joinpath("docs/proof.md").read_text()
    )


def test_a_seed_is_drawn_and_recorded_where_none_is_given(project):
    proved(project)
    kept = [json.loads(path.read_text()) for path in project.path.glob("var/proof/*/*.json")]

    assert 1 == len({result["seed"] for result in kept})
    assert kept[0]["seed"].isdecimal()


def test_elsewhere_a_tenth_of_it_runs_and_nothing_is_written(project):
    project.runpytest_inprocess().assert_outcomes(passed=2, failed=1)

    assert not project.path.joinpath("docs").exists()
    assert not project.path.joinpath("var").exists()


def test_what_passed_at_a_commit_is_not_run_at_it_again(project):
    proved(project, "A2").assert_outcomes(passed=1, deselected=2)
    proved(project).assert_outcomes(passed=1, deselected=2)
    again = proved(project)

    again.assert_outcomes(deselected=3)
    assert 0 == again.ret
    assert ["A2", "A10"] == list(rows(project))


def test_one_experiment_by_its_id_keeps_the_rows_of_the_others(project):
    proved(project, "A10")
    assert "Not run: A2." in project.path.joinpath("docs/proof.md").read_text()

    proved(project, "A2")
    assert ["A2", "A10"] == list(rows(project))


def test_a_failure_is_in_the_document_and_in_the_exit_code_and_is_run_again(project):
    project.path.joinpath("var").mkdir()
    broken = project.path.joinpath("var/broken")
    broken.touch()
    failed = proved(project)

    assert 1 == failed.ret
    assert ("300", "holds", "50", "**FAILED**") == (*rows(project)["A2"][:2], *rows(project)["A10"][:2])

    broken.unlink()
    proved(project).assert_outcomes(passed=1, deselected=2)
    assert "holds" == rows(project)["A10"][1]


def test_another_commit_has_results_of_its_own_and_keeps_the_rows_of_the_last_one(project):
    proved(project)
    project.makepyfile(test_two=TWO + "# otherwise")
    commit(project)

    proved(project, "A10").assert_outcomes(passed=1, deselected=2)
    assert ["A2", "A10"] == list(rows(project))
    text = project.path.joinpath("docs/proof.md").read_text()
    commits = [line.split("|")[-3].strip() for line in text.splitlines() if line.startswith("| A")]
    assert 2 == len(set(commits))
    assert commits[1] == text.split("`")[3]
    proved(project).assert_outcomes(passed=1, deselected=2)


def test_a_changed_tree_is_run_again_each_time_and_says_so(project):
    project.makepyfile(test_two=TWO + "# otherwise")
    proved(project)

    proved(project).assert_outcomes(passed=2, deselected=1)
    assert "with changes on top" in project.path.joinpath("docs/proof.md").read_text()


def test_an_id_that_nobody_has_is_refused(project):
    refused = proved(project, "A3")

    assert pytest.ExitCode.USAGE_ERROR == refused.ret
    refused.stderr.fnmatch_lines(["*there is no experiment A3*"])
