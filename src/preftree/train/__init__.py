"""Rows in, a trained model out: SFT, DPO, KTO, NCA and reward models, all on token tries.

In:  rows on disk (UltraInteract's columns or TRL's forms), a model, `TrainSettings`.
Out: a directory with the model, `metrics.jsonl`, `settings.json`, `rows_set_aside.json`, `report.json`.
Always true: `train` can be killed at any instant and run again: it goes on from its last whole checkpoint, in the
same order of data, to the weights of an undisturbed run; a finished directory returns at once.

Importing this package loads no torch; `train` does.
"""

from preftree.train.run import train
from preftree.train.settings import TrainReport, TrainSettings

__all__ = ["TrainReport", "TrainSettings", "train"]
