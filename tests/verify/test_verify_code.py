"""Printed output is compared as contests do; a test's outcome becomes a verdict."""

import pytest

from preftree.records import Observation, ProgramRun, TestRun
from preftree.verify.code import judge_checked, judge_output, judge_test, same_output


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [
        ("3\n", "3", True),
        ("3", "4", False),
        ("1 2 \n3\n\n", "1 2\n3", True),
        ("1  2", "1 2", True),
        ("1\n2", "1 2", False),
        ("1\n\n2", "1\n2", False),
        ("1\r\n2\r\n", "1\n2\n", True),
        ("", "", True),
        ("", "0", False),
        ("yes", "YES", False),
        ("0.3333333", "0.33333333", True),
        ("0.3333", "0.33333333", False),
        ("2", "2.0", True),
        ("2.0", "2", False),
        ("1e-7", "0.0", True),
        ("1000000.1", "1000000.9", True),
        ("1000000.1", "1000003.9", False),
        ("1000000001", "1000000002", False),
        ("nan", "0.5", False),
        ("inf", "1e400", False),
        ("01", "1", False),
        ("1 2 3", "1 2", False),
        ("1_0.5", "10.5", False),
    ],
)
def test_same_output(printed: str, expected: str, same: bool) -> None:
    assert same_output(printed, expected) is same


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (ProgramRun("ok", "3\n"), "correct"),
        (ProgramRun("ok", "5\n"), "correct"),
        (ProgramRun("ok", "4\n"), "wrong"),
        (ProgramRun("error", "3\n"), "wrong"),
        (ProgramRun("time", "3\n"), "wrong"),
        (ProgramRun("broken", "3\n"), "undecided"),
    ],
)
def test_judge_output(run: ProgramRun, outcome: str) -> None:
    assert judge_output(run, ("3", "5"))[0] == outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("passed", "correct"),
        ("failed", "wrong"),
        ("error", "wrong"),
        ("time", "wrong"),
        ("memory", "wrong"),
        ("killed", "wrong"),
        ("syntax", "wrong"),
        ("unsupported", "undecided"),
        ("broken", "undecided"),
    ],
)
def test_judge_test(status: str, outcome: str) -> None:
    assert judge_test(TestRun(status, "so it was"))[0] == outcome


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (Observation("ok", value="True"), "correct"),
        (Observation("ok", value="False"), "wrong"),
        (Observation("ok", value="'True'"), "undecided"),
        (Observation("error", value=None), "undecided"),
    ],
)
def test_judge_checked(run: Observation, outcome: str) -> None:
    assert judge_checked(run)[0] == outcome
