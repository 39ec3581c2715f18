"""Without a jail: said in the stage's report, in results.json, on the page and on the terminal."""

import json
import warnings
from pathlib import Path

import pytest

from preftree.cli import main
from preftree.environment import UNJAILED


@pytest.mark.parametrize("isolation", ["none", "bubblewrap"])
def test_every_result_says_that_there_was_no_jail(
    isolation: str, tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.jsonl").write_text(json.dumps({"problem": "What is 1 + 1?", "reference": "2"}))
    evaluate = [
        *("evaluate", f"problems={tmp_path / 'p.jsonl'}", f"models.tiny.model={tiny_model}", "protocol.max_tokens=4"),
        *("environment.preload=[]", f"out={tmp_path / 'run' / 'evaluation'}"),
    ]
    page = tmp_path / "run" / "report" / "report.html"
    expected = [UNJAILED] if isolation == "none" else []

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert main([*evaluate, f"environment.isolation={isolation}", "--json"]) == 0
    assert [str(one.message) for one in warned if one.category is UserWarning] == expected
    assert json.loads(capsys.readouterr().out).get("warnings", []) == expected

    assert main(["report", str(tmp_path / "run")]) == 0
    assert json.loads(page.with_name("results.json").read_text())["warnings"] == [f"evaluation: {w}" for w in expected]
    assert ('role="alert"' in page.read_text()) == (isolation == "none")
    assert (f"Warning: evaluation: {UNJAILED}" in capsys.readouterr().out) == (isolation == "none")

    # How programs run belongs to what a stage makes; how many at a time does not.
    assert main([*evaluate, f"environment.isolation={isolation}", "environment.workers=1"]) == 0
    assert main([*evaluate, f"environment.isolation={isolation}", "environment.limits.cpu_s=9"]) == 2
    assert "was begun with other settings (environment." in capsys.readouterr().err
