"""IFEval against lm-evaluation-harness's checkers: each instruction of each response, strict and loose.

In:  tests/evaluate/verdicts/ifeval.jsonl (made by `sample`). Out: the same with the harness's verdicts,
{"strict": [true, …], "loose": […]}. The harness's detector of languages is seeded as ours is: unseeded, it does not
agree with itself. Its sentence splitter gets the data it wants (NLTK's punkt_tab) from a package of the registry.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.agreement._rows import DATA, items_of, read, write
from benchmarks.agreement.language_tasks import nltk_data, sampled, spread

NUM_SAMPLES, NUM_MADE, MAX_TOKENS = 110, 150, 256


def sample() -> None:
    """Responses: the embedded model's; made ones that follow their row, and edits of both."""
    from preftree.evaluate.benchmark import Form
    from tests.verify.following import respond

    items = items_of("ifeval")
    rows = sampled("ifeval", Form("standard"), spread(items, "", NUM_SAMPLES), MAX_TOKENS)
    for at, item in enumerate(spread(items, "", NUM_MADE)):
        reference = json.loads(item.problem.answer)
        made = respond(list(zip(reference["instruction_id_list"], reference["kwargs"], strict=True)))
        if made is not None and len(made) < 3000:
            response = made if at % 3 == 0 else _edited(made, at)
            rows.append(
                {"id": item.id, "mode": "text", "from": "made" if at % 3 == 0 else "edited", "response": response}
            )
    for at, row in enumerate([row for row in rows if row["from"].startswith("Smol")][::2]):
        rows.append({**row, "from": "edited", "response": _edited(row["response"][:600], at)})
    write("ifeval", rows)


def _edited(text: str, at: int) -> str:
    forms = (
        f"Sure! Here is my response:\n{text}",
        f"{text}\n\nI hope that this helps, e.g. with your work.",
        text.upper(),
        text.lower(),
        f"**{text}**",
        text[: len(text) * 2 // 3],
        f'"{text}"',
        text.replace(".", "!").replace("\n", "\n\n"),
        f"1. {text}\n2. Mr. A. Smith said so at 5 p.m. in the U.S. The end... or not?",
        f"{text}, as I've said. I DON'T KNOW, IT'S A-B.",
        text.replace("*", "-"),
        "",
    )
    return forms[at % len(forms)]


def main() -> None:
    lines = (DATA / "ifeval" / "input_data.jsonl").read_text("utf-8").splitlines()
    published = {str(row["key"]): row for row in map(json.loads, lines)}
    with tempfile.TemporaryDirectory() as folder:
        nltk_data(Path(folder))
        import langdetect
        from lm_eval.tasks.ifeval import utils

        langdetect.DetectorFactory.seed = 0
        rows = read("ifeval")
        for row in rows:
            given = utils.InputExample(**published[row["id"]])
            strict = utils.test_instruction_following_strict(given, row["response"])
            loose = utils.test_instruction_following_loose(given, row["response"])
            row["verdict"] = {"strict": strict.follow_instruction_list, "loose": loose.follow_instruction_list}
    write("ifeval", rows)
