"""The released Eurus-RM as a model to train from: what `preftree.tries.eurus_rm` reads, by the names used here."""

from preftree.tries.eurus_rm import is_eurus_rm
from preftree.tries.eurus_rm import read_eurus_rm as load_eurus_rm

__all__ = ["is_eurus_rm", "load_eurus_rm"]
