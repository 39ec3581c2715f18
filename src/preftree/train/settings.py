"""What training is told, and what it tells back: plain values, checked before anything is loaded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from preftree.errors import InputError

ObjectiveName = Literal["sft", "dpo", "kto", "nca", "ipo", "dpo-norm", "rpo", "simpo", "orpo", "reward"]
OBJECTIVE_NAMES: tuple[ObjectiveName, ...] = get_args(ObjectiveName)
REWARD_TERMS = ("bt+dr", "bt", "dr")
PRECISIONS = ("auto", "fp32", "bf16")
SCHEDULERS = ("cosine", "linear", "constant", "constant_with_warmup")
GROUPS = ("tree", "row")


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """Low-rank adapters instead of whole weights (LoRA, 2106.09685; QLoRA, 2305.14314). Needs the extra `peft`."""

    rank: int = 16
    """Rank of each adapter."""
    alpha: int = 32
    """Adapters are scaled by alpha / rank."""
    dropout: float = 0.0
    """Dropout before each adapter."""
    targets: str = "all-linear"
    """Which layers get one: all-linear, or names with commas between."""
    four_bit: bool = False
    """Hold the frozen weights in 4 bits (QLoRA): needs bitsandbytes and a GPU."""
    merge: bool = True
    """Write the whole model with the adapter merged into it, the adapter beside it; false: the adapter alone."""

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1:
            raise InputError(f"train.lora: expected rank and alpha of at least 1, got {self.rank} and {self.alpha}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"train.lora.dropout: expected 0 to 1, got {self.dropout}")
        if self.four_bit and self.merge:
            raise InputError("train.lora: weights of 4 bits can't take a merge without loss; set lora.merge=false")


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One training run. The defaults are the paper's where it gives any."""

    objective: ObjectiveName
    """sft, dpo, kto, nca, ipo, dpo-norm, rpo, simpo, orpo or reward."""
    model: str
    """The starting model: a local directory or a hub id."""
    rows: str = ""
    """The rows: a file, a directory or a hub id (docs/training.md). This or `mix`."""
    out: str = ""
    """The directory that the run writes."""
    mix: tuple[dict[str, Any], ...] = ()
    """Several sources, each with its place and, if wished, form, cap, share and seed (docs/training.md)."""
    template: str = ""
    """The chat template of a base model that has none: a packaged name (mistral-instruct, chatml) or a .jinja file."""
    epochs: int = 1
    """Passes over the rows."""
    batch_size: int = 8
    """Rows (SFT) or pairs an optimizer step; whole trees are kept together as far as they fit."""
    learning_rate: float = 1e-5
    """Peak learning rate."""
    warmup_ratio: float = 0.1
    """Share of the steps over which the learning rate rises from 0."""
    lr_scheduler: str = "cosine"
    """cosine, linear, constant or constant_with_warmup."""
    optimizer: str = "adamw_torch_fused"
    """Any name that transformers' `optim` knows."""
    beta: float = 0.1
    """Rewards are beta x nats, where there is a reference; of simpo and orpo beta x nats a token."""
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
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass: less memory, about a third more time."""
    lora: LoraSettings | None = None
    """Train adapters; the reference is the same model with the adapter off."""
    seed: int = 0
    """Order of the data, KTO's mismatches, the new reward head."""
    weight_decay: float = 0.0
    """The optimizer's, on matrices."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""
    max_reward_drop: float = 20.0
    """Stop when rewards/chosen has fallen below minus this over ten logged lines (the paper's DPO at 70B); 0: never."""
    eval_rows: str = ""
    """Rows to evaluate on, as `rows`."""
    eval_share: float = 0.0
    """Or this share of the problems, held out of training."""
    eval_steps: int = 0
    """Steps between evaluations; 0: only at the end."""
    keep_best: bool = False
    """Write the weights with the lowest eval_loss instead of the last."""
    save_steps: int = 0
    """Steps between checkpoints; 0: by time, so that writing takes under a twentieth of the run."""
    logging_steps: int = 1
    """Steps between lines of metrics.jsonl."""
    report_to: tuple[str, ...] = ()
    """Logging backends of transformers beside metrics.jsonl: tensorboard, wandb, mlflow, ..."""
    group: str = "tree"
    """tree: rows of one problem share a trie; row: each sequence alone, for comparisons."""
    reference_model: str = ""
    """The reference of DPO, KTO, NCA, IPO and RPO, where it is not the starting model."""
    reference_cache: str = ""
    """Directory of reference log-probabilities that several runs may share; empty: inside `out`."""
    push_to_hub: str = ""
    """A hub id to upload the finished model to."""
    push_private: bool = True
    """Whether that repository is made private."""

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
        for name in ("warmup_ratio", "eval_share"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"train.{name}: expected 0 to 1, got {getattr(self, name)}")
        for name in ("save_steps", "eval_steps", "weight_decay", "rpo_alpha", "simpo_gamma", "reward_centering",
                     "max_reward_drop"):  # fmt: skip
            if getattr(self, name) < 0:
                raise InputError(f"train.{name}: expected 0 or more, got {getattr(self, name)}")
        if not self.out:
            raise InputError("train.out: expected a directory")
        if bool(self.rows) == bool(self.mix):
            raise InputError("train.rows: expected either rows or mix, " + ("not both" if self.rows else "got neither"))
        if self.eval_rows and self.eval_share:
            raise InputError("train.eval_rows: expected either eval_rows or eval_share, not both")
        if (self.keep_best or self.eval_steps) and not (self.eval_rows or self.eval_share):
            raise InputError("train.eval_rows: keep_best and eval_steps need rows to evaluate on")

    @property
    def evaluates(self) -> bool:
        """Whether there are held-out rows."""
        return bool(self.eval_rows or self.eval_share)


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A finished run. `tokens_rows` is what row-by-row training would compute, `tokens_trie` what was computed.

    `sources` counts the examples of each source; `reasons` counts what was set aside.
    """

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
    eval_metrics: dict[str, float] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """What stands in `report.json`."""
        return dataclasses.asdict(self)
