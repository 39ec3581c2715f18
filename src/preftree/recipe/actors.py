"""Actors by name, opened for a stage and closed after it.

In:  a mapping of names to actor settings. Out: actors; an entry whose model is empty is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from preftree.actors import Actor, ActorSettings, make_actor
from preftree.errors import InputError
from preftree.recipe.settings import typed


@asynccontextmanager
async def open_actors(settings: Mapping[str, Any], stage: str) -> AsyncIterator[dict[str, Actor]]:
    """All actors whose `model` is set; closed at the end, whatever happens."""
    opened: dict[str, Actor] = {}
    try:
        for name, section in settings.items():
            if not isinstance(section, dict):
                raise InputError(f"stage {stage}, actor {name}: expected settings such as {{model: embedded}}")
            if section.get("model"):
                opened[name] = make_actor(
                    typed(ActorSettings, {"name": name, **section}, f"stage {stage}, actor {name}")
                )
        yield opened
    finally:
        for actor in opened.values():
            await actor.close()


def pick(actors: Mapping[str, Actor], names: Sequence[str], stage: str) -> tuple[Actor, ...]:
    """The actors of these names, in this order; those that were left out (no model set) are passed over."""
    return tuple(actors[name] for name in names if name in actors)
