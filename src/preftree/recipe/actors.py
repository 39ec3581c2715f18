"""Actors by name, opened for a stage and closed after it.

In:  a mapping of names to actor settings. Out: actors; an entry whose model is empty is left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from preftree.actors import Actor, ActorSettings, make_actor
from preftree.errors import InputError, nearest
from preftree.recipe.settings import typed


@asynccontextmanager
async def open_actors(settings: Mapping[str, Any], stage: str) -> AsyncIterator[dict[str, Actor]]:
    """All actors whose `model` is set; closed at the end, whatever happens."""
    opened: dict[str, Actor] = {}
    try:
        for name, section in settings.items():
            if section.get("model"):
                opened[name] = make_actor(
                    typed(ActorSettings, {"name": name, **section}, f"stage {stage}, actor {name}")
                )
        yield opened
    finally:
        for actor in opened.values():
            await actor.close()


def pick(
    settings: Mapping[str, Any], actors: Mapping[str, Actor], names: Sequence[str], stage: str
) -> tuple[Actor, ...]:
    """The actors of these names, in this order; those that were left out (no model set) are passed over."""
    for name in names:
        if name not in settings:
            raise InputError(f'stage {stage}: no actor "{name}" among its actors{nearest(name, settings)}')
    return tuple(actors[name] for name in names if name in actors)


def deciding(section: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an actor that decide its answers: all but those that are declared free."""
    free = {field.name for field in dataclasses.fields(ActorSettings) if field.metadata.get("free")}
    return {key: value for key, value in section.items() if key not in free}


def check_actors(settings: Mapping[str, Any], stage: str) -> None:
    """Refuse wrong settings of actors before anything is written or begun."""
    for name, section in settings.items():
        where = f"stage {stage}, actor {name}"
        if not isinstance(section, dict):
            raise InputError(f"{where}: expected settings such as {{model: embedded}}")
        # An empty word of the command line is YAML's null: no model.
        parsed = typed(ActorSettings, {"name": name, **section, "model": section.get("model") or ""}, where)
        if any("@" in url or "?" in url for url in parsed.urls):
            raise InputError(f"{where}: base_url holds a password or a query; name a variable in api_key_env instead")
