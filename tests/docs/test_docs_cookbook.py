"""Each packaged recipe has a page, whose commands are run with small rows and a tiny random model."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from pages import ROOT, group

SOURCES = ("ultrainteract", "ultrachat", "openorca", "ultrafeedback", "ultrasafety")
RECIPES = sorted(
    entry.name.removesuffix(".yaml") for entry in (resources.files("preftree.recipe") / "recipes").iterdir()
)
TRAINING = [name for name in RECIPES if name not in ("quickstart", "ultrainteract")]


@pytest.fixture
def rows(tmp_path):
    """Two rows for every source, in the form of its hub id, where the pages have them or by the source's name."""
    ratings = [{"response": f"answer {score}", "overall_score": score} for score in (3, 5, 8)]
    harmless = [{"response": f"r{n}", "annotations": {"harmlessness": [{"Rating": n}]}} for n in "10"]
    pair = {"dataset": "gsm8k", "task": "Math_CoT", "chosen": "It is 6.", "rejected": "It is 5."}

    def asked(n):
        return [{"from": "user", "value": f"q {n}"}]

    made = {
        "sft/ultrainteract": lambda n: {"instruction": f"q {n}", "response": "It is 6.", "parent_id": str(n)},
        "pairs/ultrainteract": lambda n: pair | {"parent_id": str(n), "trajectory": asked(n)},
        "runs/rows/action_pairs": lambda n: pair | {"parent_id": str(n), "trajectory": asked(n), "rejected": "No."},
        "ultrachat": lambda n: {"id": str(n), "data": [f"hello {n}", "hi"]},
        "openorca": lambda n: {"system_prompt": "", "question": f"q {n}", "response": "r"},
        "my/sharegpt": lambda n: {
            "conversations": [{"from": "human", "value": f"h {n}"}, {"from": "gpt", "value": "g"}]
        },
        "ultrafeedback": lambda n: {"instruction": f"do {n}", "completions": ratings},
        "ultrasafety": lambda n: {"instruction": f"harm {n}", "completions": harmless},
    }
    for name, row in made.items():
        path = tmp_path / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row(n)) + "\n" for n in range(2)))
    return tmp_path


def test_every_recipe_has_a_page():
    folder = ROOT / "docs" / "cookbook"
    assert sorted(page.stem for page in folder.glob("*.md") if page.stem != "index") == RECIPES
    index = (folder / "index.md").read_text()
    for name in RECIPES:
        assert f"]({name}.md)" in index
        page = (folder / f"{name}.md").read_text()
        assert f"<!-- recipe: {name} -->" in page
        for part in ("What it does", "What it needs", "What comes out", "What differs from the paper", "How to change"):
            assert f"**{part}" in page, (name, part)


def played(name):
    """Named one by one, so that a page without a test is seen."""
    return {
        "ablation-reward-no-lbt": lambda: group("cookbook/ablation-reward-no-lbt", "ablation-reward-no-lbt"),
        "ablation-reward-no-ldr": lambda: group("cookbook/ablation-reward-no-ldr", "ablation-reward-no-ldr"),
        "ablation-reward-no-uf-us": lambda: group("cookbook/ablation-reward-no-uf-us", "ablation-reward-no-uf-us"),
        "ablation-reward-no-us": lambda: group("cookbook/ablation-reward-no-us", "ablation-reward-no-us"),
        "ablation-sft-ground-truth": lambda: group("cookbook/ablation-sft-ground-truth", "ablation-sft-ground-truth"),
        "ablation-sft-open-only": lambda: group("cookbook/ablation-sft-open-only", "ablation-sft-open-only"),
        "ablation-sft-ultrainteract-only": lambda: group(
            "cookbook/ablation-sft-ultrainteract-only", "ablation-sft-ultrainteract-only"
        ),
        "eurus-preference": lambda: group("cookbook/eurus-preference", "eurus-preference"),
        "eurus-reward": lambda: group("cookbook/eurus-reward", "eurus-reward"),
        "eurus-sft": lambda: group("cookbook/eurus-sft", "eurus-sft"),
        "eurus-sft-70b": lambda: group("cookbook/eurus-sft-70b", "eurus-sft-70b"),
    }[name]()


@pytest.mark.parametrize("name", TRAINING)
def test_a_page_of_training(name, rows, read, tiny_model, grown):
    """The page's own line, with places of the hub and the model in reach of a test."""
    from preftree.recipe import load_recipe

    variables = load_recipe(name).variables
    kind = "sft" if "sft" in name else "pairs"
    places = {source: f"{kind}/{source}" if source == "ultrainteract" else source for source in SOURCES}
    words = [f"{source}={place}.jsonl" for source, place in places.items() if source in variables]
    found = played(name)
    text = "".join(block.text for block in found)
    small = {"ultrainteract=openbmb/UltraInteract_sft": ""} if "=openbmb/" in text else {}
    if "model=runs/eurus-sft/sft" in text:
        small["model=runs/eurus-sft/sft"] = f"model={tiny_model}"
    else:
        words.append(f"model={tiny_model}")
    if "forest=runs/forest" in text:
        small["forest=runs/forest"] = f"forest={grown}"
    for command in (f"preftree run {name} ", "preftree run mine.yaml"):
        if command in text:
            small[command] = f"{command} {' '.join(words)} "
    read(found, rows, small)
    reports = list(rows.glob("runs/*/*/report.json"))
    assert len(reports) == text.count("preftree run ")
    for report in reports:
        assert json.loads(report.read_text())["num_set_aside"] == 0


def test_quickstart(tmp_path, read, tiny_model):
    read(group("cookbook/quickstart", "quickstart"), tmp_path, {"embedded": str(tiny_model)})
    assert (tmp_path / "runs/seed-1/problems/held-out.jsonl").is_file()


def test_ultrainteract(tmp_path, read):
    """Problems alone; the packaged slice of GSM8K is the one source that no net is needed for."""
    (tmp_path / "mine.jsonl").write_text('{"question": "What is 2 + 3?", "answer": "Add.\\n#### 5"}\n')
    read(group("cookbook/ultrainteract", "ultrainteract"), tmp_path)
    lines = (tmp_path / "runs/ultrainteract/problems/problems.jsonl").read_text().splitlines()
    assert len(lines) == 6  # three rows, with a tool and without
    assert len((tmp_path / "runs/staged/problems/problems.jsonl").read_text().splitlines()) == 2
