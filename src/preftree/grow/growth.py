"""What growing one tree goes by: who is asked, how, and about what.

In:  the engine, actors by role, settings, a problem. Out: the tree's id and where each action of it stands.
Always true: a tree's id depends on its problem's id alone, so a run that goes on finds it again.
"""

from __future__ import annotations

from dataclasses import dataclass

from preftree.engine import Engine, Place, Sampling
from preftree.grow.settings import Actors, GrowSettings
from preftree.records import Problem, digest


@dataclass(frozen=True, slots=True)
class Growth:
    engine: Engine
    actors: Actors
    settings: GrowSettings
    problem: Problem

    @property
    def tree(self) -> str:
        return tree_id(self.problem.id)

    @property
    def sampling(self) -> Sampling:
        """How actions are drawn."""
        s = self.settings
        return Sampling(s.temperature, s.top_p, s.max_tokens, s.stop, s.prefill)

    def place(self, turn: int, role: str, stage: str) -> Place:
        return Place(self.tree, turn, role, stage)

    def seed(self, *parts: str | int) -> int:
        """A seed for draws that belong to this problem and these parts."""
        return int(digest([self.settings.seed, self.problem.id, *parts])[:12], 16)


def tree_id(problem: str) -> str:
    """The id of the tree of the problem with this id."""
    return digest(["tree", problem])[:24]
