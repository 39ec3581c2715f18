"""The data card: licences, counts, how the trees were made; nothing of the machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from preftree.export import ExportSettings, export
from preftree.recipe import run_single


def card_of(folder: Path) -> tuple[dict[str, Any], str]:
    text = (folder / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


GROWN = {
    "kind": "grow",
    "made": "2026-11-25T10:00:00+00:00",
    "settings": {
        "problems": "/home/someone/problems.jsonl",
        "actors": {
            "sft": {"model": "/home/someone/models/own-model", "base_url": "http://10.0.0.7:8000"},
            "big": {"model": "org/big-model"},
        },
        "ladder": ["sft", "big"],
        "pool": [],
        "critic": None,
        "policy": {"seed": 7, "max_turns": 3, "batches": [1, 2, 4], "hints": True},
    },
    "versions": {"preftree": "9.9", "python": "3.11"},
    "report": {},
}


def test_a_card_of_several_sources(tmp_path: Path, forest_of: Any, tree_of: Any) -> None:
    forest = forest_of(
        tmp_path / "forest", tree_of(0), tree_of(1), tree_of(0, "TabMWP"), tree_of(0, "mine", "Logic"),
        tree_of(0, "reclor"),
    )  # fmt: skip
    export(forest, tmp_path / "rows", ExportSettings(format="parquet"), made=[GROWN])
    front, body = card_of(tmp_path / "rows")
    assert (front["license"], front["license_name"]) == ("other", "those-of-the-sources")
    assert front["configs"] == [
        {"config_name": kind, "data_files": [{"split": "train", "path": f"{kind}.parquet"}]}
        for kind in ("sft", "pairs")
    ]
    lines = body.splitlines()
    for line in (
        "# rows",
        "| sft.parquet | 5 |",
        "| action_pairs.parquet | 0 |",
        "| gsm8k | Math_PoT | 2 | 2 | 2 | 2 |",
        "| all |  | 5 | 5 | 5 | 5 |",
        "| ladder | sft | own-model |",
        "| ladder | big | org/big-model |",
        "| policy.seed | 7 |",
        "| sft | 5 | 0 |",
        "| rival &#124; x | 0 | 5 |",
        "| sample | 5 |",
        "- Trees have at most 3 turns; the paper's have 5.",
        "- Critiques were made from the trace and the verdict, without a model.",
        "| preftree | 9.9 |",
    ):
        assert line in lines, line
    for start in (
        "| gsm8k | MIT |",
        "| TabMWP | CC BY-NC-SA 4.0 | non-commercial use only; share alike",
        "| mine | unknown |",
    ):
        assert any(line.startswith(start) for line in lines), start
    assert any(line.startswith("| reclor |") and "may not be given on" in line for line in lines)
    assert "5 critiques were marked" in body
    for private in ("/home", "10.0.0.7", str(tmp_path)):
        assert private not in body


@pytest.mark.parametrize(
    ("datasets", "licence"),
    [
        pytest.param(["gsm8k"], "mit", id="one"),
        pytest.param(["gsm8k", "strategyqa", "MATH"], "mit", id="the-same"),
        pytest.param(["codecontest"], "cc-by-4.0", id="as-published-rows-spell-it"),
        pytest.param(["hotpotqa"], "cc-by-sa-4.0", id="share-alike"),
        pytest.param(["gsm8k", "hotpotqa"], "other", id="several"),
        pytest.param(["mine"], "other", id="unknown"),
    ],
)
def test_the_licence_of_the_whole(
    tmp_path: Path, forest_of: Any, tree_of: Any, datasets: list[str], licence: str
) -> None:
    export(forest_of(tmp_path / "forest", *(tree_of(0, name) for name in datasets)), tmp_path / "rows")
    assert card_of(tmp_path / "rows")[0]["license"] == licence


def test_held_out_rows_are_a_split(tmp_path: Path, forest_of: Any, tree_of: Any) -> None:
    forest = forest_of(tmp_path / "forest", *(tree_of(number) for number in range(20)))
    report = export(forest, tmp_path / "rows", ExportSettings(held_out=0.5))
    front, body = card_of(tmp_path / "rows")
    splits = [(file["split"], file["path"]) for file in front["configs"][0]["data_files"]]
    assert splits == [("train", "sft.jsonl"), ("held_out", "sft.held_out.jsonl")]
    assert f"| sft.held_out.jsonl | {report.held_out['sft']} |" in body.splitlines()


def test_what_the_stages_say_stands_in_the_card(tmp_path: Path, forest_of: Any, tree_of: Any) -> None:
    """The stage of the forest, and of the one that it was made of; the export of a forest without any says so."""
    forest = forest_of(tmp_path / "clean", tree_of(0))
    (tmp_path / "grown").mkdir()
    (tmp_path / "grown" / "stage.json").write_text(json.dumps(GROWN))
    decontaminated = {
        "kind": "decontaminate", "mark": "m", "made": "2026-11-26", "settings": {"forest": str(tmp_path / "grown")},
        "report": {"removed": 3}, "versions": {},
    }  # fmt: skip
    (forest / "stage.json").write_text(json.dumps(decontaminated))
    run_single("export", {"forest": str(forest), "out": str(tmp_path / "rows")})
    body = card_of(tmp_path / "rows")[1]
    assert body.index("Stage `grow`") < body.index("Stage `decontaminate`")
    assert "| removed | 3 |" in body
    export(forest, tmp_path / "bare")
    assert "says nothing of the run" in card_of(tmp_path / "bare")[1]


def test_a_card_is_the_same_again(tmp_path: Path, forest_of: Any, tree_of: Any) -> None:
    """Equal forests, equal bytes: no clock, no path."""
    texts = []
    for name in ("a", "b"):
        forest = forest_of(tmp_path / name / "forest", replace(tree_of(0), id="t"))
        export(forest, tmp_path / name / "rows", made=[GROWN])
        texts.append((tmp_path / name / "rows" / "README.md").read_bytes())
    assert texts[0] == texts[1]
