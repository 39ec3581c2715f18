"""Best of N of a policy's samples: by rewards, votes, log-probabilities or chance, beside the greedy answer and pass@N.

In:  problems of one's own, or benchmarks by name; a policy; rewards by name. Out: a report, `results.jsonl`,
`greedy.jsonl`, `rewards.json`, `curves.csv`, `curves.svg`.
Always true: samples are drawn once. What is made of them (`ANEW`: rankers, rewards, how many) may change in the same
directory, and nothing that was answered is asked again.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from preftree.actors.weights import model_folder, resolve_model
from preftree.engine import Budget
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.evaluate import RerankSettings
from preftree.evaluate.drawing import Drawn, Draws, OwnDraws, Pool, draw, measured_by, own_pool, published_pool
from preftree.evaluate.items import files_of, read_from
from preftree.evaluate.kept import Kept
from preftree.evaluate.rankers import RANKERS, REWARDS
from preftree.evaluate.registry import find_benchmark, find_form
from preftree.evaluate.rerank import Reward, rank, reward_all
from preftree.evaluate.rewards import ScorerSettings
from preftree.evaluate.rewards.scorers import score_groups
from preftree.forest import Account
from preftree.recipe.actors import open_actors
from preftree.recipe.runner import Context, hand_back_memory
from preftree.recipe.settings import listed, typed
from preftree.recipe.stages.problems import read_problems
from preftree.report import rerank_svg

# Settings that may change in a directory: samples that are there stay, and are ranked anew.
ANEW = ("ranking", "rewards", "reward_model", "draws.samples", "protocol.samples", "limit")
_COLUMNS = ("dataset", "method", "n", "value", "low", "high", "problems")


@dataclass(frozen=True, slots=True)
class Settings:
    policy: dict[str, Any]  # one name → settings of the actor that answers
    problems: str | None = None  # JSONL of problems of one's own
    benchmarks: str | tuple[str, ...] = ()  # in their place: benchmarks by name; `a,b` is the two
    data: str | None = None  # benchmarks: a file, or a folder of data sets; none: the hub
    protocol: OwnDraws | str | None = None  # own problems: how they are asked; benchmarks: a protocol's name
    mode: str = ""  # benchmarks: text or program; none: the benchmark's first
    draws: Draws = field(default_factory=Draws)  # benchmarks: how answers are drawn
    limit: int | None = None  # benchmarks: the first so many items of each
    reward_model: str | None = None  # a directory; "reward model" among the rankers
    rewards: dict[str, Any] = field(default_factory=dict)  # more by name: a reward model, a policy
    ranking: RerankSettings = field(default_factory=RerankSettings)
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        if len(self.policy) != 1:
            raise InputError(f"policy: expected one name and its actor's settings, got {len(self.policy)}")
        ((name, section),) = self.policy.items()
        if isinstance(section, dict) and not section.get("model"):
            raise InputError(
                f"policy: {name} has no model; expected policy.{name}.model=… (embedded, a folder, a hub id)"
            )
        if (self.problems is None) == (not self.benchmarks):
            raise InputError("expected problems=FILE or benchmarks=[NAME, …], and one of the two")
        if self.benchmarks and isinstance(self.protocol, OwnDraws):
            raise InputError("protocol: expected a protocol's name for benchmarks; how answers are drawn is draws")
        if not self.benchmarks and isinstance(self.protocol, str):
            raise InputError("protocol: expected settings such as {samples: 8} for problems of one's own, got a name")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit: expected 1 or more, got {self.limit}")
        self.ranking.numbers(_draws(self).samples)
        for reward, wanted in _sections(self).items():
            _scorer(reward, wanted)
            if reward in (*RANKERS, REWARDS):
                raise InputError(f'rewards: "{reward}" is the name of a ranker; give it another')


def inputs(settings: Settings) -> dict[str, str]:
    """The files of rows, by what they are: they belong to the mark wherever they were found."""
    if settings.problems is not None:
        return {}
    return files_of(map(find_benchmark, dict.fromkeys(listed(settings.benchmarks))), settings.data)


def run(settings: Settings, context: Context) -> dict[str, Any]:
    pools, rewards = _pools(settings, context.name), _rewards(settings, context.out)

    async def work() -> tuple[list[Drawn], Account]:
        async with open_actors(settings.policy, context.name) as actors:
            ((name, actor),) = actors.items()
            return await draw(
                pools,
                name,
                actor,
                _draws(settings),
                context.out,
                greedy=settings.ranking.needs_greedy,
                greedy_votes=settings.ranking.greedy_votes,
                environment=settings.environment,
                budget=settings.budget,
            )

    drawn, account = asyncio.run(work())
    hand_back_memory()
    found = rank(drawn, reward_all(drawn, rewards, context.out), settings.ranking)
    (policy,) = settings.policy
    report = {"policy": policy, "reward_model": settings.reward_model or ", ".join(settings.rewards)} | found
    report["measured_by"] = measured_by(pools)
    report["files"] = write_curves(context.out, report)
    report["notes"] = _notes(settings, report)
    return report | _cost(drawn, account)


def _draws(settings: Settings) -> Draws:
    return settings.draws if settings.benchmarks else _own_draws(settings)


def _own_draws(settings: Settings) -> OwnDraws:
    return settings.protocol if isinstance(settings.protocol, OwnDraws) else OwnDraws()


def _pools(settings: Settings, name: str) -> list[Pool]:
    if settings.problems is not None:
        return [own_pool(name, read_problems(settings.problems), _own_draws(settings))]
    protocol = settings.protocol if isinstance(settings.protocol, str) else "standard"
    pools = []
    for wanted in dict.fromkeys(listed(settings.benchmarks)):
        benchmark = find_benchmark(wanted)
        form = find_form(benchmark, protocol, settings.mode)
        pools.append(published_pool(benchmark, form, read_from(benchmark, settings.data).items[: settings.limit]))
    return pools


# ---------------------------------------------------------------- rewards


def _sections(settings: Settings) -> dict[str, Any]:
    first = {} if settings.reward_model is None else {"reward model": {"model": settings.reward_model}}
    return first | settings.rewards


def _scorer(name: str, section: Any) -> ScorerSettings:
    if not isinstance(section, dict):
        raise InputError(f"rewards.{name}: expected settings such as {{model: DIR}}, got {section!r}")
    return typed(ScorerSettings, section, f"rewards.{name}")


def _rewards(settings: Settings, out: Path) -> dict[str, Reward]:
    """Raises InputError where a model is missing: before anything is drawn."""
    kept = Kept(out / "scores.jsonl")
    found: dict[str, Reward] = {}
    for name, section in _sections(settings).items():
        scorer = _scorer(name, section)
        for model in filter(None, (scorer.model, scorer.reference_model)):
            model_folder(resolve_model(model))
        found[name] = partial(score_groups, scorer, kept=kept)
    return found


# ---------------------------------------------------------------- files


def write_curves(out: Path, report: Mapping[str, Any]) -> list[str]:
    """The curves as data and as figures: of all problems, and of each benchmark where there are several."""
    rows = [{"dataset": "all", **row} for row in report["curves"]] + report["by_dataset"]
    with (out / "curves.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    written = ["curves.csv"]
    datasets = list(dict.fromkeys(row["dataset"] for row in report["by_dataset"]))
    for dataset in ["all", *(datasets if len(datasets) > 1 else [])]:
        mine = [row for row in rows if row["dataset"] == dataset]
        title = "Accuracy of one answer chosen from N samples" + ("" if dataset == "all" else f": {dataset}")
        svg = rerank_svg(mine, title)
        if svg is not None:
            written.append("curves.svg" if dataset == "all" else f"curves-{dataset}.svg")
            (out / written[-1]).write_text(svg, encoding="utf-8")
    return written


_TIES = {
    "greedy": "goes to the greedy answer",
    "first": "goes to the answer that came first",
    "share": "is shared evenly",
}


def _notes(settings: Settings, report: Mapping[str, Any]) -> list[str]:
    """What a reader of the table must know."""
    ranking, draws = settings.ranking, _draws(settings)
    of = "all subsets of N" if ranking.estimate == "all" else "the first N"
    notes = [
        f"{report['samples']} samples a problem at T = {draws.temperature:g}, top_p = {draws.top_p:g}; "
        f"each figure is over {of} of them, its interval over problems."
    ]
    if any(row["method"] == "self-consistency" for row in report["curves"]):
        votes = ", which is itself the first of the N" if ranking.greedy_votes else ""
        notes.append(f"Self-consistency: a tie {_TIES[ranking.tie]}{votes}.")
    notes += [f"No {name}: {why}." for name, why in report["absent"].items()]
    return notes


def _cost(drawn: Sequence[Drawn], account: Account) -> dict[str, Any]:
    results = [result for one in drawn for result in (*one.results, *([one.greedy] if one.greedy else []))]
    return {
        "problems": len(drawn),
        "calls": account.calls,
        "input_tokens": account.input_tokens,
        "output_tokens": account.output_tokens,
        "price_usd": account.price_usd,
        "truncated": sum(result.truncated for result in results),
        "undecided": sum("undecided" in result.outcomes for result in results),
        "no_answer": sum(group is None for one in drawn for group in one.classes),
    }
