"""Runs the stages of a recipe in their order, each once.

In:  a recipe. Out: one directory a stage, with `begun.json` (what it was asked) and `stage.json` (what came of it).
Always true: `stage.json` is written last, so a stage that has it is whole; its mark covers the settings and the
marks of every stage and the content of every file it reads, so a stage is never skipped for other input.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import hashlib
import importlib
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from preftree.environment import UNJAILED
from preftree.errors import InputError, nearest
from preftree.recipe.actors import check_actors, deciding
from preftree.recipe.settings import Recipe, typed
from preftree.records import Tree, digest, to_json

KINDS = (
    "problems", "grow", "import", "regrade", "export", "decontaminate", "train", "evaluate", "rerank", "rewards",
    "report",
)  # fmt: skip
# What may change between the beginning of a stage and its end: how fast and how far, never what.
_FREE = {"budget", "cluster", "concurrency", "engine", "workers"}
# Settings that may name a file or a directory: what stands there belongs to the mark.
_PATHS = {
    "problems", "own", "groups", "model", "rows", "forest", "reward_model", "wikipedia_corpus", "template", "eval_rows",
    "reference_model", "tests", "path",
}  # fmt: skip
# Settings that are those of one actor.
_SINGLE = ("judge",)


@dataclass(frozen=True, slots=True)
class Observer:
    """Who watches a run: told of stages and of new trees."""

    begun: Callable[[str, str], None] = lambda name, kind: None
    skipped: Callable[[str], None] = lambda name: None
    done: Callable[[str, dict[str, Any]], None] = lambda name, stage: None
    tree: Callable[[str, Tree], None] = lambda name, tree: None


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage knows beside its settings."""

    name: str
    out: Path
    run: Path  # the directory that holds the stages
    observer: Observer


def run_recipe(recipe: Recipe, observer: Observer | None = None, until: str | None = None) -> dict[str, dict[str, Any]]:
    """All stages, or those up to `until`; returns what each `stage.json` holds, by name."""
    if until is not None and until not in recipe.stages:
        raise InputError(f'{recipe.name}: no stage "{until}"{nearest(until, recipe.stages)}')
    marks: dict[str, str] = {}
    stages: dict[str, dict[str, Any]] = {}
    for name, section in recipe.stages.items():
        # A mistake in the last stage is found before the first has cost anything.
        _parsed(str(section.get("kind")), name, {k: v for k, v in section.items() if k != "kind"}, recipe.out / name)
    for name, section in recipe.stages.items():
        kind = section.get("kind")
        settings = {key: value for key, value in section.items() if key != "kind"}
        resolved = _resolve(settings, recipe.out, name, marks)
        if kind == "report":
            # A page is made of everything before it.
            resolved = {"recipe": recipe.name, "variables": recipe.variables, "stages": list(stages)} | resolved
        stages[name] = _run(str(kind), name, resolved, settings, recipe.out / name, recipe.out, marks, observer)
        # With the time of its making: what a stage reads has changed if that was made again.
        marks[name] = digest([stages[name]["mark"], stages[name]["made"]])
        if name == until:
            break
    return stages


def run_single(kind: str, section: dict[str, Any], observer: Observer | None = None) -> dict[str, Any]:
    """One stage on its own; `out` names its directory."""
    settings = dict(section)
    out = settings.pop("out", None)
    if not isinstance(out, str):
        raise InputError(f"{kind}: out=DIRECTORY is missing")
    return _run(kind, kind, settings, settings, Path(out), Path(out), {}, observer)


def _run(
    kind: str,
    name: str,
    resolved: dict[str, Any],
    settings: dict[str, Any],
    out: Path,
    run: Path,
    marks: Mapping[str, str],
    observer: Observer | None,
) -> dict[str, Any]:
    watch = observer or Observer()
    module = _module(kind, name)
    parsed, mark, finished = _begin(kind, name, resolved, settings, out, marks)
    if finished is not None:
        watch.skipped(name)
        return finished
    watch.begun(name, kind)
    began = time.monotonic()
    report = module.run(parsed, Context(name, out, run, watch)) | _warnings(parsed)
    stage = {
        "name": name,
        "kind": kind,
        "mark": mark,
        "settings": to_json(parsed),
        "seconds": round(time.monotonic() - began, 1),
        "peak_memory_mb": peak_memory_mb(),
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": machine(),
        "report": report,
    }
    _save(out / "stage.json", stage)
    hand_back_memory()
    watch.done(name, stage)
    return stage


def begin(kind: str, section: dict[str, Any], out: Path) -> bool:
    """Bind a directory to the settings of a stage that is run in part (a pilot); False if it has been run whole."""
    return _begin(kind, kind, section, section, out, {})[2] is None


def _begin(
    kind: str, name: str, resolved: dict[str, Any], settings: dict[str, Any], out: Path, marks: Mapping[str, str]
) -> tuple[Any, str, dict[str, Any] | None]:
    """The parsed settings, their mark, and what `stage.json` holds if the stage has been run; else `begun.json` stands.

    Raises InputError where the directory was begun with other settings.
    """
    parsed = _parsed(kind, name, resolved, out)
    module = _module(kind, name)
    # What a stage makes anew from what it has: other settings of these run it again, in the same place.
    anew = getattr(module, "ANEW", ())
    bound = _without(settings, anew)
    inputs = _inputs(bound, marks) | (dict(marks) if kind == "report" else {}) | _found(module, parsed)
    asked = {"kind": kind, "settings": _kept(bound, _actors(parsed)), "inputs": inputs}
    binding = mark = digest(asked)
    if anew:
        mark = digest([asked, _kept(settings, _actors(parsed)), _inputs(settings, marks)])
    # A page over a run is made anew each time: the run may hold more by now.
    again = kind == "report" and not marks
    finished = None if again else _load(out / "stage.json")
    begun = None if again else _load(out / "begun.json")
    # A stage that failed before it made anything binds nobody to its settings.
    made = out.is_dir() and any(entry.name not in ("begun.json", "lock", "owner") for entry in out.iterdir())
    if begun is not None and begun["asked"]["kind"] != kind and made:
        raise InputError(f"{out}: holds what {begun['asked']['kind']} made; use another out=…")
    if not again:
        _refuse_foreign(out)
    # A page holds nothing that isn't in the run: it is made again for whatever was asked.
    if kind == "report" and (finished is None or finished["mark"] != mark):
        begun = finished = None
    if begun is not None and begun.get("binding", begun["mark"]) != binding and made:
        raise InputError(
            f"{out}: was begun with other settings ({_difference(begun['asked'], asked)}); "
            "use another out=…, or remove that directory to make it again"
        )
    if finished is not None and anew and finished["mark"] != mark:
        (out / "stage.json").unlink()
        finished = None
    if finished is None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise InputError(f"{out}: can't be made ({fault.strerror}); use another out=…") from fault
        _save(out / "begun.json", {"mark": mark, "asked": asked} | ({"binding": binding} if anew else {}))
    return parsed, mark, finished


def _refuse_foreign(out: Path) -> None:
    """InputError for a directory that holds something, but nothing that a stage began: it is somebody's own."""
    if not out.is_dir() or any((out / name).exists() for name in ("begun.json", "stage.json", "lock", "owner")):
        return
    own = sorted(entry.name for entry in out.iterdir() if not entry.name.startswith("."))
    if own:
        raise InputError(f"{out}: holds files that no stage made ({own[0]}); use another out=…, or an empty directory")


def _parsed(kind: str, name: str, settings: dict[str, Any], out: Path) -> Any:
    """A stage's settings, checked with those of its actors, before anything is written."""
    expected = _module(kind, name).Settings
    if "out" in expected.__dataclass_fields__:
        settings = settings | {"out": str(out)}
    parsed = typed(expected, settings, name)
    for actors in _actors(parsed).values():
        check_actors(actors, name)
    return parsed


def _actors(parsed: Any) -> dict[str, dict[str, Any]]:
    """The fields of a stage's settings that hold actors by name."""
    found = {field: getattr(parsed, field, None) for field in ("actors", "models", "policy", "judges")}
    # One actor's own settings stand under its field's name; elsewhere such a field names one of `actors`.
    single = {field: getattr(parsed, field, None) for field in _SINGLE}
    found |= {field: {field: section} for field, section in single.items() if isinstance(section, dict) and section}
    return {field: actors for field, actors in found.items() if isinstance(actors, dict)}


def _module(kind: str, name: str) -> Any:
    if kind not in KINDS:
        raise InputError(f'stage {name}: kind "{kind}" is unknown{nearest(kind, KINDS)}')
    return stage_module(kind)


def stage_module(kind: str) -> Any:
    """The module of a kind of stages, with its `Settings` and `run`."""
    # "import" is a word of Python's.
    return importlib.import_module(f"preftree.recipe.stages.{'importing' if kind == 'import' else kind}")


def _warnings(settings: Any) -> dict[str, Any]:
    """What whoever reads the results must know of how they were made."""
    environment = getattr(settings, "environment", None)
    return {"warnings": [UNJAILED]} if environment is not None and environment.isolation == "none" else {}


# ---------------------------------------------------------------- references, marks


def _resolve(value: Any, run: Path, stage: str, marks: Mapping[str, str]) -> Any:
    """`@name/file` becomes a path in an earlier stage's directory."""
    if isinstance(value, dict):
        return {key: _resolve(item, run, stage, marks) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, run, stage, marks) for item in value]
    if isinstance(value, str) and value.startswith("@"):
        name, _, rest = value[1:].partition("/")
        if name not in marks:
            raise InputError(f"stage {stage}: {value}: no stage of this name stands before it")
        return str(run / name / rest) if rest else str(run / name)
    return value


def _inputs(value: Any, marks: Mapping[str, str], key: str = "") -> dict[str, str]:
    """What stands behind every reference and every path among the settings."""
    found: dict[str, str] = {}
    if isinstance(value, dict):
        for name, item in value.items():
            found |= _inputs(item, marks, name)
    elif isinstance(value, list):
        for item in value:
            found |= _inputs(item, marks, key)
    elif isinstance(value, str) and value.startswith("@"):
        found[value] = marks.get(value[1:].partition("/")[0], "")
    elif key in _PATHS and isinstance(value, str) and value and Path(value).exists():
        found[value] = _content(Path(value))
    return found


def _found(module: Any, parsed: Any) -> dict[str, str]:
    """What stands in the files that a stage finds by itself, by what they are to it."""
    if not hasattr(module, "inputs"):
        return {}
    return {what: _content(Path(path)) for what, path in module.inputs(parsed).items()}


def _content(path: Path) -> str:
    """What a file holds; of a directory, the mark of the stage that made it, or its files' names, sizes and times."""
    if path.is_file():
        state = hashlib.sha256()
        with path.open("rb") as stream:
            while block := stream.read(1 << 22):
                state.update(block)
        return state.hexdigest()
    stage = _load(path / "stage.json")
    if stage is not None:
        return str(stage["mark"])
    files = sorted(entry for entry in path.rglob("*") if entry.is_file())
    states = [(entry.relative_to(path).as_posix(), entry.stat()) for entry in files]
    return digest([(name, state.st_size, state.st_mtime_ns) for name, state in states])


def _kept(settings: Mapping[str, Any], actors: Container[str] = ()) -> dict[str, Any]:
    """The settings that decide what a stage makes; `actors` are the fields that hold actors by name."""
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        if key in actors and key in _SINGLE:
            kept[key] = deciding(value)
        elif key in actors:
            kept[key] = {name: deciding(section) for name, section in value.items()}
        elif key not in _FREE:
            kept[key] = _kept(value) if isinstance(value, Mapping) else value
    return kept


def _without(settings: Mapping[str, Any], names: Container[str], path: str = "") -> dict[str, Any]:
    """The settings but for these ("draws.samples" is a field of a field)."""
    return {
        key: _without(value, names, f"{path}{key}.") if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if f"{path}{key}" not in names
    }


def _difference(before: Any, now: Any, path: str = "") -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        # A changed setting says more than the content that changed with it.
        for key in sorted(set(before) | set(now), key=lambda key: (key == "inputs", key)):
            if before.get(key) != now.get(key):
                return _difference(before.get(key), now.get(key), f"{path}.{key}" if path else key)
    return f"{path.removeprefix('settings.')}: was {_short(before)}, is {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


# ---------------------------------------------------------------- files and facts


def _load(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as fault:
        raise InputError(f"{path}: not valid JSON ({fault}); remove it to run the stage again") from fault
    return loaded


def _save(path: Path, value: Any) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def peak_memory_mb() -> int:
    """The largest resident size so far of this process or of one of its finished children."""
    sizes = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(sizes) // 1024


def hand_back_memory() -> None:
    """A stage's models are garbage now; glibc would keep their pages, and the next stage would come on top."""
    gc.collect()
    libc = ctypes.util.find_library("c")
    if libc is not None and hasattr(library := ctypes.CDLL(libc), "malloc_trim"):
        library.malloc_trim(0)


def versions() -> dict[str, str]:
    names = ("preftree", "torch", "transformers", "math-verify", "reasoning-gym", "numpy", "sympy")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = models[0] if models else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "memory_gb": round(memory, 1), "system": sys.platform}
