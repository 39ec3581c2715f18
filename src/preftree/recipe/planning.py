"""`preftree grow --plan`: from the settings of growing to a plan; with a pilot, from what its problems took.

In:  the section of a grow stage, with `plan.*` priors. Out: a `Plan`.
Always true: without a pilot no call is made and nothing is written; a pilot grows into the real directory, with the
real keys: the run goes on from it, and its forest is the one that it would have been.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from preftree.actors import ActorSettings, Prices
from preftree.errors import InputError
from preftree.forest.raw import spending
from preftree.grow import lacks_tests, tree_id
from preftree.grow.plan import Load, Plan, Priors, Seat, Spent, plan_from_pilot, plan_from_priors
from preftree.recipe.actors import check_actors
from preftree.recipe.runner import Context, Observer, begin
from preftree.recipe.settings import typed
from preftree.recipe.stages import grow as stage
from preftree.recipe.stages.problems import read_problems
from preftree.records import Problem, digest

# Characters of a token, as tokenizers have it for English and code; and tokens of the words around a problem.
_CHARACTERS, _AROUND = 4.0, 80


def make_plan(section: Mapping[str, Any], pilot: int | None, observer: Observer) -> Plan:
    """Raises InputError for wrong settings, before a pilot's first call."""
    given = dict(section)
    priors = typed(Priors, given.pop("plan", {}), "plan")
    out = given.pop("out", None)
    settings = typed(stage.Settings, given, "grow")
    check_actors(settings.actors, "grow")
    problems = read_problems(settings.problems)
    loads, seats = _loads(problems), _seats(settings)
    if pilot is None:
        return plan_from_priors(loads, seats, settings.policy, priors, seed=settings.policy.seed)
    if pilot < 1:
        raise InputError(f"--pilot: expected at least 1, got {pilot}")
    if not isinstance(out, str):
        raise InputError("grow: out=DIRECTORY is missing: a pilot grows into it, and the run goes on from there")
    chosen = _pilot(problems, pilot, settings.policy.seed)
    directory = Path(out)
    # The run that follows has the pilot's settings, or is refused. One that was whole needs no pilot.
    if not begin("grow", given, directory):
        raise InputError(f"{directory}: is grown already; nothing is left to plan")
    stage.run(settings, Context("grow", directory, directory, observer), only={problem.id for problem in chosen})
    return plan_from_pilot(
        loads, seats, settings.policy, _taken(directory, problems, chosen), seed=settings.policy.seed
    )


def _pilot(problems: Sequence[Problem], number: int, seed: int) -> list[Problem]:
    """Of each data set its share, at least one each while there are some to give; the same for the same seed."""
    order = list(problems)
    random.Random(digest(["pilot", seed])).shuffle(order)
    by_dataset: dict[str, list[Problem]] = {}
    for problem in order:
        by_dataset.setdefault(problem.dataset, []).append(problem)
    # Each time the data set that is furthest behind its share.
    taken = dict.fromkeys(by_dataset, 0)
    for _ in range(min(number, len(order))):
        name = min(taken, key=lambda one: taken[one] / len(by_dataset[one]))
        taken[name] += 1
    return [problem for name, count in taken.items() for problem in by_dataset[name][:count]]


def _taken(directory: Path, problems: Sequence[Problem], chosen: Sequence[Problem]) -> dict[str, list[list[Spent]]]:
    """What each grown problem took, by data set: the pilot's, and those of a run that was begun before."""
    spent: dict[str, list[Spent]] = {}
    for one in spending(directory):
        spent.setdefault(one.tree, []).append(
            Spent(_role(one.role, one.stage), one.actor, one.calls, one.input_tokens, one.output_tokens,
                  one.price_usd, one.seconds)
        )  # fmt: skip
    ids = {problem.id for problem in chosen}
    taken: dict[str, list[list[Spent]]] = {}
    for problem in problems:
        tree = tree_id(problem.id)
        if problem.id in ids or tree in spent:
            taken.setdefault(problem.dataset, []).append(spent.get(tree, []))
    return taken


def _role(role: str, stage_name: str) -> str:
    """The name of a seat for a call's role and stage."""
    if role == "actor":
        return stage_name if stage_name.startswith("escalation") else "actor"
    names = {"hinted": "hints", "praise": "critic"}
    return "pool" if role.startswith("pool") else names.get(role, role)


def _loads(problems: Sequence[Problem]) -> list[Load]:
    by_dataset: dict[str, list[Problem]] = {}
    for problem in problems:
        by_dataset.setdefault(problem.dataset, []).append(problem)
    return [_load(name, group) for name, group in by_dataset.items()]


def _load(name: str, group: Sequence[Problem]) -> Load:
    num = len(group)
    return Load(
        dataset=name,
        problems=num,
        prompt_tokens=_AROUND + sum(len(problem.instruction) for problem in group) / _CHARACTERS / num,
        hinted=sum(_is_hinted(problem) for problem in group) / num,
        filtered=sum(problem.filter for problem in group) / num,
        judged=sum(problem.verifier == "judge" for problem in group) / num,
        written=sum(lacks_tests(problem) for problem in group) / num,
    )


def _is_hinted(problem: Problem) -> bool:
    """Whether an actor would write from a reference. A program for a program task is used as it stands: no call."""
    return any(
        reference.rationale or reference.program
        for reference in problem.references
        if not (reference.program and problem.task == "Math_PoT")
    )


def _seats(settings: stage.Settings) -> list[Seat]:
    """Who plays which role, for how much; a role whose actor has no model is left out."""
    ladder = [name for name in settings.ladder if name]
    names = [("actor" if step == 0 else f"escalation-{step}", name) for step, name in enumerate(ladder)]
    pool = [seat for name in settings.pool if name and (seat := _seat("pool", name, settings.actors)) is not None]
    # Roles that a recipe may name one by one.
    for role in ("critic", "baseline", "judge", "writer"):
        names.append((role, getattr(settings, role) or ""))
    if settings.policy.hints and ladder:
        names.append(("hints", settings.hinter or ladder[0]))
    seats = [_seat(role, name, settings.actors) for role, name in names if name]
    return [*(seat for seat in seats if seat is not None), *([_shared(pool)] if pool else [])]


def _shared(pool: Sequence[Seat]) -> Seat:
    """The pool's actors as one, at their mean price: each writes as often as the others."""
    prices = [dataclasses.astuple(seat.prices) for seat in pool]
    mean = Prices(*(sum(column) / len(pool) for column in zip(*prices, strict=True)))
    names = ", ".join(dict.fromkeys(seat.actor for seat in pool))
    return dataclasses.replace(pool[0], actor=names, prices=mean)


def _seat(role: str, name: str, actors: Mapping[str, Any]) -> Seat | None:
    if name not in actors:
        raise InputError(f'stage grow: no actor "{name}" among its actors: {", ".join(actors)}')
    if not actors[name].get("model"):
        return None
    actor = typed(ActorSettings, {"name": name, **actors[name]}, f"stage grow, actor {name}")
    connections = actor.max_connections if actor.kind == "endpoint" else actor.max_batch
    return Seat(role, actor.name, actor.prices, connections, actor.requests_per_minute, actor.tokens_per_minute)
