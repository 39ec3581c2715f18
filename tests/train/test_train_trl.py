"""TRL's trainers on the same rows from the same weights: the same losses, gradients, rewards and weights.

Each trainer reads the rows as text and tokenises them itself. The policy starts away from the reference by a seeded
perturbation: at the reference every preference loss is trivially equal. Run in the environment of `make peers`.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, set_seed

from preftree.problems.places import Place
from preftree.train.objectives import OBJECTIVES
from preftree.train.order import epoch_batches
from preftree.train.prepare import render_rows
from preftree.train.reference import reference_logps
from preftree.train.rows import iter_rows
from preftree.train.settings import TrainSettings
from preftree.train.sources import kind_of
from preftree.train.store import Example
from preftree.train.trainer import TrieTrainer
from preftree.tries.attention import attending

pytest.importorskip("trl", reason="TRL is a peer: `make peers`, then run these tests in .venv-peers")
pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]

BATCH, STEPS = 4, 20
BETA = 0.1


# ---------------------------------------------------------------- rows: the cases that are easily wrong


def pair_trees(count: int) -> list[dict[str, Any]]:
    """Trees of two turns in TRL's conversational form: siblings that share their first tokens, an answer that is a
    prefix of the other, answers of a single byte, equal answers."""
    answers = [("The sum is 12.", "The sum is 11!"), ("It is 12, so 12", "It is 12"), ("7", "8"), ("same", "same")]
    rows = []
    for i in range(count):
        history = [{"role": "user", "content": f"Solve: {i}+{i % 7}"}]
        for turn in range(2):
            chosen, rejected = answers[(i + turn) % len(answers)]
            rows.append(
                {"prompt": list(history), "chosen": [said(chosen)], "rejected": [said(rejected)], "parent_id": f"p{i}"}
            )
            history += [said(rejected), {"role": "user", "content": f"Wrong {turn}."}]
    return rows


def text_pairs(count: int) -> list[dict[str, Any]]:
    """Plain text behind a prompt of one token: TRL's ORPO learns prompts too, and the first token is in no loss."""
    return [
        {"prompt": chr(65 + i % 26), "chosen": f"{i} is fine", "rejected": f"{i} is not", "parent_id": f"p{i}"}
        for i in range(count)
    ]


def sft_rows(count: int) -> list[dict[str, Any]]:
    return [
        {"prompt": [{"role": "user", "content": f"{i}+{i % 7}"}], "completion": [said(f"Step 1: {i + i % 7}")]}
        for i in range(count)
    ]


def labelled(count: int) -> list[dict[str, Any]]:
    return [
        {"prompt": [{"role": "user", "content": f"{i}+{i % 7}"}], "completion": [said(f"It is {i + i % 5}")],
         "label": i % 3 > 0}
        for i in range(count)
    ]  # fmt: skip


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


# ---------------------------------------------------------------- two trainers


@dataclasses.dataclass(frozen=True)
class Case:
    """An objective of ours, its rows, and how TRL is told of the same."""

    objective: Any
    rows: Callable[[int], list[dict[str, Any]]]
    trainer: str  # module:class in TRL, with its config beside it
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)


DPO, CPO = "trl:DPO", "trl.experimental.cpo:CPO"
CASES = {
    "sft": Case("sft", sft_rows, "trl:SFT", {"completion_only_loss": True}),
    "dpo": Case("dpo", pair_trees, DPO, {"loss_type": ["sigmoid"], "beta": BETA}),
    "nca": Case("nca", pair_trees, DPO, {"loss_type": ["nca_pair"], "beta": BETA}),
    "ipo": Case("ipo", pair_trees, DPO, {"loss_type": ["ipo"], "beta": BETA}),
    "dpo-norm": Case("dpo-norm", pair_trees, DPO, {"loss_type": ["sigmoid_norm"], "beta": BETA}),
    "rpo": Case(
        "rpo", pair_trees, DPO,
        {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.7], "beta": BETA}, {"rpo_alpha": 0.7},
    ),
    "simpo": Case(
        "simpo", text_pairs, CPO,
        {"loss_type": "simpo", "cpo_alpha": 0.0, "simpo_gamma": 0.5, "beta": 2.0}, {"beta": 2.0, "simpo_gamma": 0.5},
    ),
    "orpo": Case("orpo", text_pairs, "trl.experimental.orpo:ORPO", {"beta": BETA}),
    "kto": Case("kto", labelled, "trl:KTO", {"beta": BETA, "desirable_weight": 1.33, "undesirable_weight": 1.0}),
    "reward": Case("reward", pair_trees, "trl:Reward", {}, {"reward_terms": "bt"}),
    "reward-centred": Case(
        "reward", pair_trees, "trl:Reward",
        {"center_rewards_coefficient": 0.01}, {"reward_terms": "bt", "reward_centering": 0.01},
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Trained:
    """A line of figures a step, and the weights before and after."""

    lines: list[dict[str, float]]
    before: torch.Tensor
    after: torch.Tensor


def flat(model: Any) -> torch.Tensor:
    return torch.cat([p.detach().flatten().double() for p in model.parameters() if p.requires_grad])


@pytest.fixture(scope="session")
def policy_dir(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference, moved by a seeded perturbation."""
    model = AutoModelForCausalLM.from_pretrained(model_dir)
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.05 * weight.std() * torch.randn_like(weight) if weight.dim() > 1 else 0
    path = tmp_path_factory.mktemp("policy")
    model.save_pretrained(path)
    AutoTokenizer.from_pretrained(model_dir).save_pretrained(path)
    return path


def adapted(model: Any) -> Any:
    """With adapters that already say something: new ones change nothing, and the reference is the model without."""
    import peft

    torch.manual_seed(17)
    model = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.05)
    return model


def load(path: Path, objective: str) -> Any:
    kind = AutoModelForSequenceClassification if objective == "reward" else AutoModelForCausalLM
    set_seed(11)
    return kind.from_pretrained(path, dtype=torch.float32, **({"num_labels": 1} if objective == "reward" else {}))


def tokenizer_of(path: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(path)
    # A free token: TRL's reward model reads the last token that is not padding.
    tokenizer.pad_token = "<|im_start|>"
    return tokenizer


def train_ours(
    case: Case, examples: Sequence[Example], policy: Any, reference: Any, settings: TrainSettings
) -> Trained:
    trainer = TrieTrainer(policy, examples, settings, lowered=False)
    if OBJECTIVES[case.objective].reference:
        scorer = TrieTrainer(reference, examples, settings, lowered=False)
        with attending(reference):
            found = reference_logps(examples, settings, scorer.score, fingerprint="test", precision="fp32")
        trainer.steps.reference_X3 = found.logps
    before = flat(policy)
    trainer.train()
    return Trained([line for line in trainer.state.log_history if "loss" in line], before, flat(policy))


def train_trl(case: Case, rows: list[dict[str, Any]], policy: Any, reference: Any, s: TrainSettings) -> Trained:
    from datasets import Dataset
    from torch.utils.data import SequentialSampler

    module_name, name = case.trainer.split(":")
    module = importlib.import_module(module_name)
    kind = type("Ordered", (getattr(module, f"{name}Trainer"),), {"_get_train_sampler": _sequential(SequentialSampler)})
    more: dict[str, Any] = dict(case.config)
    if name in ("DPO", "KTO"):
        more["disable_dropout"] = True
    if case.objective == "reward":
        policy.config.pad_token_id = tokenizer_of(Path(s.model)).pad_token_id
    config = getattr(module, f"{name}Config")(
        output_dir=f"{s.out}-trl", per_device_train_batch_size=BATCH, num_train_epochs=1, max_length=512,
        learning_rate=s.learning_rate, lr_scheduler_type=s.lr_scheduler, warmup_steps=s.warmup_ratio,
        weight_decay=s.weight_decay, max_grad_norm=s.max_grad_norm, optim=s.optimizer, seed=s.seed, logging_steps=1,
        save_strategy="no", report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True,
        **more,
    )  # fmt: skip
    data = Dataset.from_list([{k: v for k, v in row.items() if k != "parent_id"} for row in rows])
    extra = {"ref_model": reference} if name in ("DPO", "KTO") else {}
    trainer = kind(policy, args=config, train_dataset=data, processing_class=tokenizer_of(Path(s.model)), **extra)
    before = flat(trainer.model)
    trainer.train()
    return Trained([line for line in trainer.state.log_history if "loss" in line], before, flat(trainer.model))


def _sequential(sampler: Any) -> Any:
    return lambda self, dataset=None: sampler(dataset if dataset is not None else self.train_dataset)


def both(name: str, policy_dir: Path, model_dir: Path, out: Path, **changed: Any) -> tuple[Trained, Trained]:
    case = CASES[name]
    settings = TrainSettings(
        case.objective, str(policy_dir), str(out / "rows.jsonl"), str(out / "ours"), precision="fp32",
        batch_size=BATCH, **{"beta": BETA, "learning_rate": 3e-3, "max_length": 512} | case.settings | changed,
    )  # fmt: skip
    rows = case.rows(BATCH * STEPS // (2 if case.rows is pair_trees else 1))
    Path(settings.rows).write_text("".join(json.dumps(row) + "\n" for row in rows))
    objective = OBJECTIVES[case.objective]
    read = list(iter_rows(Place(settings.rows), kind_of(settings)))
    examples = tuple(render_rows(read, tokenizer_of(policy_dir), max_length=512))
    order = [index for batch in epoch_batches(examples, settings, 0) for index in batch]
    assert sorted(order) == list(range(len(rows)))
    if objective.mismatched:
        examples = with_trl_mismatches(examples, order)
    reference = load(model_dir, case.objective)
    ours = train_ours(case, examples, load(policy_dir, case.objective), reference, settings)
    theirs = train_trl(
        case, [rows[i] for i in order], load(policy_dir, case.objective), load(model_dir, case.objective), settings
    )
    return ours, theirs


def with_trl_mismatches(examples: Sequence[Example], order: Sequence[int]) -> tuple[Example, ...]:
    """TRL gives each row of a batch the completion of the row before it (the first: of the last)."""
    changed = list(examples)
    for at in range(0, len(order), BATCH):
        batch = order[at : at + BATCH]
        for place, index in enumerate(batch):
            own, other = examples[index].sequences[0], examples[batch[place - 1]].sequences[0]
            (start, _), (from_, _) = own.spans[0], other.spans[0]
            tokens = own.tokens[:start] + other.tokens[from_:]
            mismatched = dataclasses.replace(own, tokens=tokens, spans=((start, len(tokens)),))
            changed[index] = dataclasses.replace(examples[index], mismatched=mismatched)
    return tuple(changed)


# ---------------------------------------------------------------- what must be equal

_LOGGED = ("rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies")
_REWARD_TRAINER = {"rewards/margins": "margin", "rewards/accuracies": "accuracy"}


@pytest.mark.parametrize("name", CASES)
def test_first_step_is_the_same(name: str, policy_dir: Path, model_dir: Path, tmp_path: Path) -> None:
    ours, theirs = both(name, policy_dir, model_dir, tmp_path)
    assert torch.equal(ours.before, theirs.before)
    mine, trl = ours.lines[0], theirs.lines[0]
    assert mine["loss"] == pytest.approx(trl["loss"], rel=1e-5)
    assert mine["grad_norm"] == pytest.approx(trl["grad_norm"], rel=1e-4)
    for key in _LOGGED:
        theirs_key = _REWARD_TRAINER.get(key, key)
        if CASES[name].objective == "reward" and theirs_key in trl:
            assert mine[key] == pytest.approx(trl[theirs_key], abs=1e-4), key


@pytest.mark.parametrize(("optimizer", "closeness"), [("adamw_torch", 1e-2), ("sgd", 1e-4)])
@pytest.mark.parametrize("name", CASES)
def test_twenty_steps_end_at_the_same_weights(
    name: str, optimizer: str, closeness: float, policy_dir: Path, model_dir: Path, tmp_path: Path
) -> None:
    rate = 1e-3 if optimizer == "adamw_torch" else 0.05
    ours, theirs = both(name, policy_dir, model_dir, tmp_path, optimizer=optimizer, learning_rate=rate)
    assert len(ours.lines) == len(theirs.lines) == STEPS
    compared = 0
    for mine, trl in zip(ours.lines, theirs.lines, strict=True):
        for key in _LOGGED:
            theirs_key = _REWARD_TRAINER.get(key, key) if CASES[name].objective == "reward" else key
            if theirs_key in trl and key in mine:
                assert mine[key] == pytest.approx(trl[theirs_key], abs=1e-4), key
                compared += 1
    assert compared >= (0 if name == "sft" else STEPS)
    moved = (theirs.after - theirs.before).norm()
    assert moved > 1e-3 * theirs.before.norm(), "the steps must move the weights"
    assert (ours.after - theirs.after).norm() <= closeness * moved


@pytest.mark.parametrize(("optimizer", "closeness"), [("adamw_torch", 1e-2), ("sgd", 1e-4)])
@pytest.mark.parametrize("name", ["dpo", "nca"])
def test_adapters_too(name: str, optimizer: str, closeness: float, model_dir: Path, tmp_path: Path) -> None:
    """LoRA: policy and reference are one model with the adapter on and off; rewards begin away from 0."""
    rate = 1e-3 if optimizer == "adamw_torch" else 0.5
    case = CASES[name]
    settings = TrainSettings(
        case.objective, str(model_dir), str(tmp_path / "rows.jsonl"), str(tmp_path / "ours"), precision="fp32",
        batch_size=BATCH, beta=BETA, learning_rate=rate, max_length=512, optimizer=optimizer,
    )  # fmt: skip
    rows = case.rows(BATCH * STEPS // 2)
    Path(settings.rows).write_text("".join(json.dumps(row) + "\n" for row in rows))
    read = list(iter_rows(Place(settings.rows), kind_of(settings)))
    examples = tuple(render_rows(read, tokenizer_of(model_dir), max_length=512))
    order = [index for batch in epoch_batches(examples, settings, 0) for index in batch]
    ours = train_ours(case, examples, adapted(load(model_dir, name)), load(model_dir, name), settings)
    theirs = train_trl(case, [rows[i] for i in order], adapted(load(model_dir, name)), load(model_dir, name), settings)
    assert torch.equal(ours.before, theirs.before)
    assert ours.lines[0]["loss"] == pytest.approx(theirs.lines[0]["loss"], rel=1e-5)
    assert abs(ours.lines[0]["rewards/chosen"]) > 1e-3
    for mine, trl in zip(ours.lines, theirs.lines, strict=True):
        assert mine["rewards/chosen"] == pytest.approx(trl["rewards/chosen"], abs=1e-4)
    moved = (theirs.after - theirs.before).norm()
    assert (ours.after - theirs.after).norm() <= closeness * moved
