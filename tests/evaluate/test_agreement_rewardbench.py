"""The `rewardbench` package agrees: the same rewards of the same model, the same verdicts, the same scores.

The package's side is data (`verdicts/rewardbench.jsonl`, made by `benchmarks/agreement/rewardbench.py`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from preftree.actors.embedded import cached_model
from preftree.evaluate.items import read_from
from preftree.evaluate.rewards import score_rewards
from preftree.evaluate.rewards.registry import REWARD_BENCHMARKS
from preftree.evaluate.rewards.rewardbench import CATEGORIES, weighted

ROOT = Path(__file__).parents[2]
_HEAD, *_ROWS = [
    json.loads(line) for line in (Path(__file__).parent / "verdicts/rewardbench.jsonl").read_text().splitlines()
]
_NAMES = {"chat": "Chat", "chat_hard": "Chat Hard", "safety": "Safety", "reasoning": "Reasoning"}
# Rows whose verdicts differ, each with its reason: none.
DIFFER: dict[str, str] = {}


def test_verdicts_subsets_and_categories(data_dir: Path) -> None:
    rows = [(n, {"id": row["id"], "rewards": row["response"]}) for n, row in enumerate(_ROWS, start=1)]
    summary = score_rewards("rewardbench", rows, str(data_dir))
    figures = {figure["figure"]: figure for figure in summary["figures"]}
    assert summary["scored"] == len(_ROWS) == 983
    for subset, accuracy in _HEAD["subsets"].items():
        assert figures[subset]["value"] == pytest.approx(accuracy, abs=1e-12)
    for ours, theirs in _NAMES.items():
        # The package gives 0 where there are no rows; we give nothing, and say so.
        assert (figures[ours]["value"] or 0) == pytest.approx(_HEAD["categories"][theirs], abs=1e-12)
    assert figures["chat"]["value"] is None
    assert figures["average"]["value"] is None


def test_verdict_by_verdict() -> None:
    differ = {row["id"] for row in _ROWS if int(row["response"][0] > row["response"][1]) != row["verdict"]}
    assert differ == set(DIFFER)
    assert 0.2 < sum(row["verdict"] for row in _ROWS) / len(_ROWS) < 0.8  # both verdicts are there


@pytest.mark.parametrize("made", _HEAD["made up"], ids=range(len(_HEAD["made up"])))
def test_weights_of_made_up_accuracies(made: dict[str, Any]) -> None:
    """Of all subsets, and of half of them: `calculate_scores_per_section`."""
    for name, weights in CATEGORIES.items():
        parts = [(weights[s], [made["subsets"][s]]) for s in weights if s in made["subsets"]]
        assert (weighted(name, parts).value or 0) == pytest.approx(made["categories"][_NAMES[name]], abs=1e-12)


def test_our_rewards_of_the_same_model(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 50th row, rendered, tokenised and scored anew."""
    if cached_model() is None:
        pytest.skip("the embedded model is not in the cache (preftree doctor)")
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks._reward_model import export_reward_model
    from preftree.tries import RewardModel

    export_reward_model(tmp_path / "model", layers=_HEAD["layers"])
    items = read_from(REWARD_BENCHMARKS["rewardbench"], str(data_dir)).items[::50]
    theirs = {row["id"]: row for row in _ROWS}
    rewards = RewardModel(str(tmp_path / "model"), precision="fp32").score([item.conversations for item in items])
    for item, got in zip(items, rewards, strict=True):
        assert got == pytest.approx(theirs[item.id]["response"], rel=1e-3, abs=1e-4)
        assert int(got[0] > got[1]) == theirs[item.id]["verdict"] or item.id in DIFFER
    assert "benchmarks._reward_model" in sys.modules
