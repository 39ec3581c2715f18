"""Who gives rewards on this machine: a reward model, or a policy against its reference; both over tries.

In:  groups of conversations that share a prompt. Out: one reward each, -inf for one that the model can't read.
Always true: all answers to one prompt are scored in one pass; each pass's numbers are on disk before the next begins;
what is on disk is not computed again, and equal conversations are scored once.

The implicit reward is beta times the log-probability of the answer under the policy, less that under the reference
(Rafailov et al., 2023). As for RewardBench's DPO models it is summed over the answer's tokens; without a reference it
is the policy's alone, summed or per token.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from preftree.actors.weights import fingerprint, model_folder, resolve_model
from preftree.errors import InputError
from preftree.evaluate.kept import Kept
from preftree.progress import progress
from preftree.records import Message, digest

Groups = Sequence[Sequence[tuple[Message, ...]]]
# A value, and over how many tokens it was summed; -inf (null where it is kept) for what a model could not read.
Number = tuple[float, int]


@dataclass(frozen=True, slots=True)
class ScorerSettings:
    """What gives the rewards. `kind` "model": `model` is a reward model. "implicit": `model` is a policy."""

    model: str  # embedded, a folder or a hub id
    kind: Literal["model", "implicit"] = "model"
    reference_model: str = ""  # of "implicit": what the policy was trained from; empty: reference-free
    beta: float = 0.1  # of "implicit"; scales rewards, changes no order
    normalise: Literal["sum", "mean"] = "sum"  # of "implicit": over the answer's tokens
    layout: Literal["trie", "rows"] = "trie"  # of "model": rows for models that tries refuse (encoders)
    max_tokens: int = 4096  # of one forward pass
    precision: str = "auto"  # fp32, bf16; auto: bf16 where the machine multiplies in it

    def __post_init__(self) -> None:
        if not self.model:
            raise InputError("model: expected embedded, a folder or a hub id")
        if self.max_tokens < 1:
            raise InputError(f"max_tokens: expected 1 or more, got {self.max_tokens}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise InputError(f'precision: expected auto, fp32 or bf16, got "{self.precision}"')
        if self.kind == "model" and self.reference_model:
            raise InputError("reference_model: a reward model has none; did you mean kind=implicit?")
        if not self.beta > 0:
            raise InputError(f"beta: expected more than 0, got {self.beta}")


def score_groups(settings: ScorerSettings, groups: Groups, kept: Kept) -> list[list[float]]:
    """Rewards of each group's conversations, in their order."""
    if settings.kind == "model":
        rewards = _numbers(_Column.rewards(settings), groups, kept)
        return [[number[0] for number in members] for members in rewards]
    policy = _numbers(_Column.logps(settings, settings.model), groups, kept)
    reference: Any = policy
    if settings.reference_model:
        reference = _numbers(_Column.logps(settings, settings.reference_model), groups, kept)
    return [
        [_implicit(settings, *pair) for pair in zip(mine, theirs, strict=True)]
        for mine, theirs in zip(policy, reference, strict=True)
    ]


def _implicit(settings: ScorerSettings, policy: Number, reference: Number) -> float:
    if -math.inf in (policy[0], reference[0]):
        return -math.inf
    gain = policy[0] - (reference[0] if settings.reference_model else 0.0)
    return settings.beta * (gain / policy[1] if settings.normalise == "mean" else gain)


@dataclass(frozen=True, slots=True)
class _Column:
    """One model's numbers: under which key they are kept, and how the model is loaded once it is needed."""

    title: str
    identity: str
    load: Callable[[], Any]

    @classmethod
    def rewards(cls, settings: ScorerSettings) -> _Column:
        folder = model_folder(resolve_model(settings.model))

        def load() -> Any:
            from preftree.tries import RewardModel

            return RewardModel(
                str(folder), max_tokens=settings.max_tokens, precision=settings.precision, layout=settings.layout
            )

        identity = ["reward", fingerprint(folder), _precision(settings), settings.layout]
        return cls(f"rewards by {folder.name}", digest(identity), load)

    @classmethod
    def logps(cls, settings: ScorerSettings, model: str) -> _Column:
        folder = model_folder(resolve_model(model))

        def load() -> Any:
            from preftree.tries import LogpModel

            return LogpModel(str(folder), max_tokens=settings.max_tokens, precision=settings.precision)

        return cls(
            f"log-probabilities by {folder.name}", digest(["logp", fingerprint(folder), _precision(settings)]), load
        )


def _precision(settings: ScorerSettings) -> str:
    from preftree.tries.precision import resolve_precision

    return resolve_precision(settings.precision)


def _numbers(column: _Column, groups: Groups, kept: Kept) -> list[list[Number]]:
    """Each conversation's number; those that are not kept are computed and kept first."""
    keys = [[digest([column.identity, list(talk)]) for talk in members] for members in groups]
    missing = list(_missing(keys, groups, kept))
    if missing:
        _compute(column, missing, kept)
    return [[_number(*kept[key]) for key in members] for members in keys]


def _number(value: float | None, tokens: int) -> Number:
    return -math.inf if value is None else value, tokens


def _missing(
    keys: Sequence[Sequence[str]], groups: Groups, kept: Kept
) -> Iterator[tuple[list[str], list[tuple[Message, ...]]]]:
    """Of each group what is not kept yet, every conversation once."""
    seen: set[str] = set()
    for members, talks in zip(keys, groups, strict=True):
        new = {k: t for k, t in zip(members, talks, strict=True) if k not in kept and k not in seen}
        seen |= new.keys()
        if new:
            yield list(new), list(new.values())


def _compute(column: _Column, missing: list[tuple[list[str], list[tuple[Message, ...]]]], kept: Kept) -> None:
    from preftree.tries.rewards import tell_set_aside

    model = column.load()
    with progress(column.title, sum(len(keys) for keys, _ in missing), "answers") as bar:
        for answered in model.passes([talks for _, talks in missing]):
            kept.add({missing[one.group][0][one.place]: (one.value, one.tokens) for one in answered})
            bar.advance(len(answered))
    # What can't be read is known to be so, and needs no model the next time.
    kept.add({key: (None, 0) for keys, _ in missing for key in keys if key not in kept})
    tell_set_aside(model.set_aside)
