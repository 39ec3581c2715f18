"""The data card: what the rows hold, from which sources and under which licences, and how they were made.

In:  counts of an export, its settings, what the stages that made the forest reported of themselves. Out: the text of
README.md, with the hub's metadata on top.
Always true: what a row or a setting says can't break the metadata or the tables; no directory and no address of the
machine that grew the forest is named; a figure of the card is a count of the rows beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import preftree
from preftree.export.settings import ExportSettings
from preftree.hub import plain, table
from preftree.problems.licences import Licence, licence_of
from preftree.records import Tree

# The hub's own names of licences: https://huggingface.co/docs/hub/repositories-licenses
_HUB_LICENCES = {"mit", "apache-2.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-sa-4.0", "odc-by", "cc-by-nc-4.0"}
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**9, "1M<n<10M"))
_ROLES = ("ladder", "pool", "critic", "baseline", "judge", "writer")
# Settings that say where, not how.
_PLACES = {"out", "forest", "problems", "rows", "actors", "push_to_hub", "push_private", "environment", "budget"}


@dataclass(slots=True)
class Tally:
    """What an export has seen so far. `rows` counts by the file's name, and "trees" and "different" beside them."""

    rows: Counter[str] = field(default_factory=Counter)
    sources: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)  # (data set, task) → counts
    actors: dict[str, Counter[str]] = field(default_factory=dict)  # actor → actions by outcome
    stages: Counter[str] = field(default_factory=Counter)  # of the correct actions
    num_leaked: int = 0
    num_left_out: int = 0

    @property
    def num_trees(self) -> int:
        return sum(counts["trees"] for counts in self.sources.values())

    @property
    def datasets(self) -> set[str]:
        return {dataset for dataset, _ in self.sources}

    def add(self, tree: Tree, counts: Mapping[str, int], side: str) -> None:
        """Count a tree and the rows by kind that it gave; `side` is what the names of their files end in."""
        problem = tree.problem
        source = self.sources.setdefault((problem.dataset, problem.task), Counter())
        source.update({"trees": 1, "turns": tree.depth, **counts})
        self.rows.update({"trees" + side: 1, **{kind + side: count for kind, count in counts.items()}})
        num_correct = 0
        for turn in tree.turns:
            num_correct += len(turn.correct)
            self.num_leaked += turn.leaked
            for outcome, actions in (("correct", turn.correct), ("incorrect", turn.incorrect)):
                for action in actions:
                    self.actors.setdefault(action.actor, Counter())[outcome] += 1
            self.stages.update(action.stage for action in turn.correct)
            self.rows["different" + side] += sum(chosen.actor != other.actor for chosen, other in tree.pairs(turn))
        self.num_left_out += num_correct - counts.get("sft", 0)


def forbidden(terms: Licence) -> bool:
    """Whether the terms of a source forbid to give it on. Problems of one's own have none known: one's own to say."""
    return not terms.redistributable and terms.name != "unknown"


def data_card(
    name: str, settings: ExportSettings, tally: Tally, made: Sequence[Mapping[str, Any]], held_out: str
) -> str:
    """Markdown. `made` holds the `stage.json` of the stages that made the forest, the last one first."""
    stages = list(reversed(made))
    parts = [
        f"---\n{yaml.safe_dump(_metadata(settings, tally, held_out), sort_keys=True, allow_unicode=True)}---",
        f"# {plain(name)}",
        f"Rows of {tally.num_trees:,} preference trees ([arXiv 2404.02078](https://arxiv.org/abs/2404.02078)), written "
        f"by preftree {preftree.__version__}.",
        "## Files",
        table(("file", "rows"), {file: tally.rows[file.rpartition(".")[0]] for file in _files(settings, held_out)}),
        "\n".join(_COLUMNS[settings.columns]) + "\n" + _HISTORY[settings.history],
        _REFERENCE if settings.response == "reference" else "",
        _HELD_OUT_NOTE if settings.held_out else "",
        "## Sources and licences",
        table(("data set", "task", "trees", "turns", "SFT rows", "pairs"), list(_counts(tally))),
        table(("data set", "licence", "conditions"), list(_licences(tally))),
        "The actions were written by models; the terms of those models hold beside the licences above.",
        "## How the trees were made",
        *(_stage(stage) for stage in stages),
        "" if stages else "The forest says nothing of the run that made it.",
        table(("who wrote the actions", "correct", "incorrect"), _writers(tally)),
        table(("where the correct actions came from", "actions"), dict(sorted(tally.stages.items()))),
        f"{tally.rows['different'] + tally.rows['different' + held_out]:,} pairs are of two different actors; "
        f"{tally.num_leaked:,} critiques were marked as giving the answer away.",
        "## Decontamination",
        "\n\n".join(_decontamination(stages)) or "None by preftree is on record for this forest.",
        "## Deviations from the paper",
        "\n".join(f"- {plain(said)}" for said in _deviations(settings, stages)),
        "## Versions",
        table(("library", "version"), stages[-1].get("versions", {}) if stages else {}),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


# ---------------------------------------------------------------- metadata


def _metadata(settings: ExportSettings, tally: Tally, held_out: str) -> dict[str, Any]:
    """What the hub reads: one configuration a kind of rows, with the held-out rows as a split of their own."""
    configs = []
    for kind in settings.kinds:
        splits = [("train", kind), ("held_out", kind + held_out)]
        files = [{"split": split, "path": f"{file}.{settings.format}"} for split, file in splits if tally.rows[file]]
        if files:
            configs.append({"config_name": kind, "data_files": files})
    total = max(tally.rows[kind] + tally.rows[kind + held_out] for kind in settings.kinds)
    names = {licence_of(dataset).name.lower().replace(" ", "-") for dataset in tally.datasets}
    one = names.pop() if len(names) == 1 else ""
    found: dict[str, Any] = {
        "configs": configs,
        "tags": ["preftree", "preference-trees"],
        "task_categories": ["text-generation"],
        "size_categories": [next(size for limit, size in _SIZES if total < limit)],
        "license": one if one in _HUB_LICENCES else "other",
    }
    return found | ({} if one in _HUB_LICENCES else {"license_name": "those-of-the-sources"})


# ---------------------------------------------------------------- tables


def _files(settings: ExportSettings, held_out: str) -> list[str]:
    sides = ("", held_out) if settings.held_out else ("",)
    return [f"{kind}{side}.{settings.format}" for side in sides for kind in settings.kinds]


def _counts(tally: Tally) -> Iterator[tuple[str, ...]]:
    names = ("trees", "turns", "sft", "pairs")
    for (dataset, task), counts in sorted(tally.sources.items()):
        yield (dataset, task, *(f"{counts[name]:,}" for name in names))
    if len(tally.sources) > 1:
        sums = sum(tally.sources.values(), Counter[str]())
        yield ("all", "", *(f"{sums[name]:,}" for name in names))


def _licences(tally: Tally) -> Iterator[tuple[str, str, str]]:
    for dataset in sorted(tally.datasets):
        terms = licence_of(dataset)
        said = [
            "may not be given on" if forbidden(terms) else "",
            "non-commercial use only" if terms.non_commercial else "",
            "share alike" if terms.share_alike else "",
            terms.note,
            terms.attribution,
        ]
        yield dataset, terms.name, "; ".join(part for part in said if part)


def _writers(tally: Tally) -> list[tuple[str, str, str]]:
    return [
        (_name(actor), f"{counts['correct']:,}", f"{counts['incorrect']:,}")
        for actor, counts in sorted(tally.actors.items())
    ]


def _stage(stage: Mapping[str, Any]) -> str:
    """One stage: when and from what it was made, who acted, and every setting that is a plain value."""
    settings = stage.get("settings", {})
    sources = settings.get("rows") if stage.get("kind") == "import" else None
    from_ = f", from {', '.join(plain(_name(place)) for place in sources)}" if sources else ""
    parts = [
        f"Stage `{plain(str(stage.get('kind', '')))}`, {plain(str(stage.get('made', '')))}{from_}.",
        table(("role", "actor", "model"), list(_actors(settings))),
        table(("setting", "value"), dict(_flat({k: v for k, v in settings.items() if k not in {*_PLACES, *_ROLES}}))),
    ]
    return "\n\n".join(part for part in parts if part)


def _actors(settings: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    actors = settings.get("actors") or {}
    for role in _ROLES:
        names = settings.get(role) or ()
        for name in (names,) if isinstance(names, str) else names:
            yield role, name, _name(str(actors.get(name, {}).get("model", "")))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value not in (None, "", [], ()):
            yield prefix + name, _name(value) if isinstance(value, str) else value


def _name(place: str) -> str:
    """A name or hub id as it is; of a path its last part: a card is for other machines."""
    return Path(place).name if place.startswith(("/", ".", "~")) or Path(place).exists() else place


# ---------------------------------------------------------------- sentences

_COLUMNS = {
    "ultrainteract": (
        "The columns are those of the published UltraInteract sets: `sft` has `id, parent_id, task, dataset, "
        "instruction, response`;",
        "`pairs` (after the turns before them) and `action_pairs` (single-turn, for reward models) have `id, "
        "parent_id, task, dataset, trajectory, chosen, rejected`.",
        "`id` is `<hash>_<turns of the tree>_<turn>`; rows of one instruction share `parent_id`.",
    ),
    "trl": (
        "The columns are those that TRL reads, as lists of messages: `pairs` (after the turns before them) and "
        "`action_pairs` (single-turn, for reward models) have `prompt, chosen, rejected`;",
        "`unpaired` has `prompt, completion, label`. Beside them stand `id, parent_id, task, dataset`.",
        "`id` is `<hash>_<turns of the tree>_<turn>`; rows of one instruction share `parent_id`.",
    ),
}
_HISTORY = {
    "drop": "An SFT row holds the instruction and one correct action, without the turns before it.",
    "keep": "An SFT row holds one correct action, and in its prompt the turns before it.",
    "trajectory": "An SFT row holds in `messages` a whole conversation that ends in a correct action.",
}
_REFERENCE = "In SFT rows the data set's own reasons and answer stand in the place of each correct action."
_HELD_OUT_NOTE = (
    "All rows of a problem, with a tool and without, are on one side: in the main files or the held-out ones."
)


def _decontamination(stages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for stage in stages:
        if "decontaminat" in str(stage.get("kind")):
            report = {k: v for k, v in _flat(stage.get("report", {})) if isinstance(v, (int, float, str))}
            yield table(("figure", "value"), report)


def _deviations(settings: ExportSettings, stages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Where these trees or rows depart from the paper, as far as the settings tell."""
    kinds = [stage.get("kind") for stage in stages]
    for stage in stages:
        if stage.get("kind") == "grow":
            yield from _grown_otherwise(stage.get("settings", {}))
    if "import" in kinds:
        yield "Read back from published rows: verdicts, pairs and replies are as published; the rest is absent."
    if "grow" in kinds or not kinds:
        yield "The paper published no prompt for its actors and critics; those used here are preftree's own."
    if settings.history != "drop":
        yield "The paper drops the history of SFT rows."


def _grown_otherwise(settings: Mapping[str, Any]) -> Iterator[str]:
    policy = settings.get("policy", {})
    batches = policy.get("batches") or ()
    if batches and list(batches) != [20]:
        yield f"Actions were sampled in batches of {', '.join(map(str, batches))} until enough were right and wrong; the paper sampled 20 at once."  # noqa: E501
    if policy.get("max_turns", 5) != 5:
        yield f"Trees have at most {policy['max_turns']} turns; the paper's have 5."
    if len(settings.get("ladder") or ()) < 2:
        yield "No stronger actor was asked where the first one failed."
    if not settings.get("pool"):
        yield "Incorrect actions came from the actor itself, not from a pool of other models."
    if not settings.get("critic"):
        yield "Critiques were made from the trace and the verdict, without a model."
    if policy.get("hints") is False:
        yield "No ground truth was shown to an actor that found no correct action."
