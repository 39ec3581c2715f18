"""What training is told, and what it tells back: plain values, checked before anything is loaded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal, get_args

from preftree.errors import InputError

ObjectiveName = Literal["sft", "dpo", "kto", "nca", "ipo", "dpo-norm", "rpo", "simpo", "orpo", "reward"]
OBJECTIVE_NAMES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)
REWARD_TERMS = ("bt+dr", "bt", "dr")
PRECISIONS = ("auto", "fp32", "bf16")
SCHEDULERS = ("cosine", "linear", "constant", "constant_with_warmup")
GROUPS = ("tree", "row")


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One training run. The defaults are the paper's where it gives any."""

    objective: ObjectiveName
    """sft, dpo, kto, nca, ipo, dpo-norm, rpo, simpo, orpo or reward."""
    model: str
    """The starting model: a local directory or a hub id."""
    rows: str
    """The rows: a .jsonl, .json or .parquet file, or a directory of them."""
    out: str
    """The directory that the run writes."""
    epochs: int = 1
    """Passes over the rows."""
    batch_size: int = 8
    """Rows (SFT) or pairs an optimizer step; whole trees are kept together as far as they fit."""
    learning_rate: float = 1e-5
    """Peak learning rate of AdamW."""
    warmup_ratio: float = 0.1
    """Share of the steps over which the learning rate rises from 0."""
    lr_scheduler: str = "cosine"
    """cosine, linear, constant or constant_with_warmup."""
    beta: float = 0.1
    """Rewards of DPO, KTO, NCA, IPO and RPO are beta x nats; of dpo-norm, simpo and orpo beta x nats a token."""
    lambda_desirable: float = 1.33
    """KTO's weight of chosen answers."""
    lambda_undesirable: float = 1.0
    """KTO's weight of rejected answers."""
    rpo_alpha: float = 1.0
    """RPO's weight of the chosen answers' negative log-likelihood a token."""
    simpo_gamma: float = 0.5
    """SimPO's margin, in units of its rewards."""
    reward_terms: str = "bt+dr"
    """Reward models: bt+dr (the paper's), bt (ranking alone) or dr (on pairs from trees alone)."""
    reward_centering: float = 0.0
    """Weight of the squared sum of a pair's two rewards, which keeps them around 0."""
    max_length: int = 2048
    """Tokens of prompt and answer; a longer row is set aside, never cut."""
    max_tokens: int = 2048
    """Tokens of one trie (one forward and backward pass). Memory grows with it, losses do not depend on it."""
    precision: str = "auto"
    """fp32, bf16 (autocast; the weights stay fp32) or auto: bf16 where the machine computes in it."""
    seed: int = 0
    """Order of the data, KTO's mismatches, the new reward head."""
    weight_decay: float = 0.0
    """AdamW's, on matrices."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""
    save_steps: int = 0
    """Steps between checkpoints; 0: by time, so that writing takes under a twentieth of the run."""
    logging_steps: int = 1
    """Steps between lines of metrics.jsonl."""
    group: str = "tree"
    """tree: rows of one problem share a trie; row: each sequence alone, for comparisons."""
    reference_cache: str = ""
    """Directory of reference log-probabilities that several runs may share; empty: inside `out`."""

    def __post_init__(self) -> None:
        for name, allowed in (
            ("objective", OBJECTIVE_NAMES),
            ("precision", PRECISIONS),
            ("lr_scheduler", SCHEDULERS),
            ("group", GROUPS),
            ("reward_terms", REWARD_TERMS),
        ):
            if getattr(self, name) not in allowed:
                raise InputError(f"train.{name}: expected one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        for name in ("epochs", "batch_size", "max_length", "max_tokens", "logging_steps"):
            if getattr(self, name) < 1:
                raise InputError(f"train.{name}: expected at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "beta", "max_grad_norm"):
            if not getattr(self, name) > 0:
                raise InputError(f"train.{name}: expected more than 0, got {getattr(self, name)}")
        if not 0 <= self.warmup_ratio < 1:
            raise InputError(f"train.warmup_ratio: expected 0 to 1, got {self.warmup_ratio}")
        for name in ("save_steps", "weight_decay", "rpo_alpha", "simpo_gamma", "reward_centering"):
            if getattr(self, name) < 0:
                raise InputError(f"train.{name}: expected 0 or more, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A finished run. `tokens_rows` is what row-by-row training would compute, `tokens_trie` what was computed."""

    out: str
    objective: str
    num_rows: int
    num_set_aside: int
    steps: int
    tokens_rows: int
    tokens_trie: int
    tokens_reference: int
    seconds: float
    precision: str
    final_metrics: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        return dataclasses.asdict(self)
