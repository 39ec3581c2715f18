"""Several processes on one optimizer batch: who takes which trie, and sums over all of them.

In:  whether torch.distributed runs. Out: shares of work, sums, turns.
Always true: every process sees the same batch; every pack is computed by exactly one of them; with one process
nothing is sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Processes:
    """`rank` of `number`."""

    rank: int = 0
    number: int = 1

    @staticmethod
    def here() -> Processes:
        if not distributed.is_available() or not distributed.is_initialized():
            return Processes()
        return Processes(distributed.get_rank(), distributed.get_world_size())

    @staticmethod
    def begin() -> Processes:
        """Join the others, where torchrun or accelerate started several."""
        if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        return Processes.here()

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, parts: Sequence[T]) -> list[T]:
        """Every `number`-th part."""
        return list(parts[self.rank :: self.number])

    def share_evenly(self, parts: Sequence[T]) -> list[tuple[T, bool]]:
        """As `share`, but as many for every process, since wrapped models meet at each forward pass: where there are
        too few, the first part again, marked False."""
        own = [(part, True) for part in self.share(parts)]
        rounds = -(-len(parts) // self.number)
        return own + [(parts[0], False)] * (rounds - len(own))

    def summed(self, values: Tensor) -> Tensor:
        """The sum over processes, on the device it came from."""
        if self.number == 1:
            return values
        moved = values.to(_device())
        distributed.all_reduce(moved)
        return moved.to(values.device)

    def merged(self, sums: Mapping[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
        """Sums by name, added over processes; names that only some have are kept."""
        if self.number == 1:
            return dict(sums)
        gathered: list[Any] = [None] * self.number
        distributed.all_gather_object(gathered, dict(sums))
        names = sorted({name for part in gathered for name in part})
        return {
            name: tuple(sum(column) for column in zip(*(part[name] for part in gathered if name in part), strict=True))
            for name in names
        }

    def wait(self) -> None:
        if self.number > 1:
            distributed.barrier()

    @contextmanager
    def first_alone(self) -> Iterator[bool]:
        """The first process does the work while the others wait; each then reads what it left."""
        if not self.first:
            self.wait()
        try:
            yield self.first
        finally:
            if self.first:
                self.wait()


def _device() -> torch.device:
    """Where this backend's messages live."""
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")
