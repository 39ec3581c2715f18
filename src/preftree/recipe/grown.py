"""How a forest was grown, from what stands beside it.

In:  a forest's directory. Out: the policy's settings and the names of the pool's actors, or None (an imported forest).
Always true: a copy of a forest (decontaminated, regraded) carries the settings of its source.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from preftree.grow import GrowSettings
from preftree.recipe.settings import typed
from preftree.records import to_json


@dataclass(frozen=True, slots=True)
class Grown:
    policy: GrowSettings
    pool: tuple[str, ...] = ()


def grown_with(directory: Path) -> Grown | None:
    copied, begun = directory / "grown.json", directory / "begun.json"
    if copied.is_file():
        section = json.loads(copied.read_text("utf-8"))
    elif begun.is_file() and (asked := json.loads(begun.read_text("utf-8"))["asked"])["kind"] == "grow":
        section = asked["settings"]
    else:
        return None
    # What does not decide the trees is not kept there (how many are grown at a time); unknown names are newer ones.
    known = {field.name for field in dataclasses.fields(GrowSettings)}
    policy = {key: value for key, value in section.get("policy", {}).items() if key in known}
    return Grown(typed(GrowSettings, policy, str(directory)), tuple(section.get("pool", ())))


def copy_grown(source: Path, out: Path) -> None:
    """Beside a copy of the forest."""
    grown = grown_with(source)
    if grown is not None:
        (out / "grown.json").write_text(json.dumps(to_json(grown), indent=1) + "\n", "utf-8")
