"""preftree: preference trees from problems with checkable answers, training on tries, honest measurement."""

from typing import Any

__version__ = "0.1.0"
# `vf-eval preftree`: the package `verifiers` finds an environment by these names of the module that it is told.
__all__ = ["PreftreeEnvironment", "PreftreeHarness", "PreftreeTaskset"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # by name, so that layers see no import: nothing of ours comes this way

    return getattr(import_module("preftree.rl.taskset"), name)
