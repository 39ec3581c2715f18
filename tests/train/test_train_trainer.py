"""One optimizer step over tries equals the same objective written out row by row, however it is packed."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from preftree.errors import InputError, TrainingError
from preftree.problems.places import Place
from preftree.progress import Progress
from preftree.train.objectives import OBJECTIVES
from preftree.train.order import batch_packs, epoch_batches
from preftree.train.prepare import prepare
from preftree.train.reference import reference_key, reference_logps
from preftree.train.rows import Row, iter_rows
from preftree.train.settings import OBJECTIVE_NAMES, TrainSettings
from preftree.train.store import Example, Store
from preftree.train.trainer import TrieTrainer
from preftree.tries.trie import TokenSequence

BETA = 0.1


@pytest.fixture
def settings_of(model_dir: Path, tmp_path: Path, write_rows: Any, make_rows: Any) -> Callable[..., TrainSettings]:
    def settings(objective: Any, **changed: Any) -> TrainSettings:
        rows = write_rows(make_rows(objective, 5))
        return TrainSettings(
            objective, str(model_dir), rows, str(tmp_path / "out"), precision="fp32", batch_size=64, **changed
        )

    return settings


def rendered(settings: TrainSettings) -> tuple[Example, ...]:
    objective = OBJECTIVES[settings.objective]
    read = iter_rows(Place(settings.rows), "pair" if objective.reads != "rows" else "single")
    rows = [row for row in read if isinstance(row, Row)]
    tokenizer = AutoTokenizer.from_pretrained(settings.model)
    folder = Path(settings.out) / "prepared"
    prepare(rows, tokenizer, folder, max_length=512, where="rows", bar=Progress("", None, "rows"))
    seed = 0 if objective.mismatched else None
    examples = list(Store(folder, mismatch_seed=seed, max_length=512))
    # One pair from elsewhere: no L_DR for it.
    examples[0] = dataclasses.replace(examples[0], source="other")
    return tuple(examples)


def load(settings: TrainSettings) -> Any:
    """In fp64 throughout (transformers' norm rounds to fp32 inside)."""
    kind = AutoModelForSequenceClassification if settings.objective == "reward" else AutoModelForCausalLM
    torch.manual_seed(5)
    model = kind.from_pretrained(settings.model, **({"num_labels": 1} if settings.objective == "reward" else {}))
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child).__name__.endswith("RMSNorm"):
                setattr(module, name, torch.nn.RMSNorm(child.weight.shape[0], eps=child.variance_epsilon))
    return model.double()


def logp(model: Any, sequence: TokenSequence | None) -> Tensor:
    assert sequence is not None
    logps = model(input_ids=torch.tensor([sequence.tokens])).logits[0].log_softmax(-1)
    ((start, stop),) = sequence.spans
    return torch.stack([logps[i - 1, sequence.tokens[i]] for i in range(start, stop)]).sum()


def row_by_row(model: Any, objective: str, examples: tuple[Example, ...], ref: Tensor) -> Tensor:
    """The loss of one batch, as the papers write it: no trie, no packing, no code of the trainer."""
    losses = []
    if objective == "sft":
        tokens = sum(e.sequences[0].spans[0][1] - e.sequences[0].spans[0][0] for e in examples)
        return -torch.stack([logp(model, e.sequences[0]) for e in examples]).sum() / tokens
    with torch.no_grad():
        mismatches = [logp(model, e.mismatched) - ref[i, 2] for i, e in enumerate(examples) if e.mismatched is not None]
    z = BETA * max(0.0, float(torch.stack(mismatches).mean())) if mismatches else 0.0
    tokens = sum(e.sequences[0].num_scored for e in examples)
    for i, example in enumerate(examples):
        if objective == "reward":
            c, r = (model(input_ids=torch.tensor([s.tokens])).logits[0, 0] for s in example.sequences)
            direct = -logsigmoid(c) - logsigmoid(-r) if example.from_tree else 0.0
            losses.append(-logsigmoid(c - r) + direct)
            continue
        if objective in ("simpo", "orpo"):
            c, r = (logp(model, s) / s.num_scored for s in example.sequences)
            odds = c - r - torch.log((1 - c.exp()) / (1 - r.exp()))
            likely = c * example.sequences[0].num_scored * len(examples) / tokens
            simple = -logsigmoid(BETA * (c - r) - 0.5)
            losses.append(simple if objective == "simpo" else -likely - BETA * logsigmoid(odds))
            continue
        c, r = (logp(model, s) - ref[i, side] for side, s in enumerate(example.sequences))
        mean = c / example.sequences[0].num_scored - r / example.sequences[1].num_scored
        likely = (c + ref[i, 0]) * len(examples) / tokens
        c, r = BETA * c, BETA * r
        if objective == "ipo":
            losses.append((mean - 1 / (2 * BETA)) ** 2)
        elif objective == "dpo-norm":
            losses.append(-logsigmoid(BETA * mean))
        elif objective == "rpo":
            losses.append(-logsigmoid(c - r) - likely)
        elif objective == "dpo":
            losses.append(-logsigmoid(c - r))
        elif objective == "nca":
            losses.append(-logsigmoid(c) - 0.5 * logsigmoid(-c) - 0.5 * logsigmoid(-r))
        else:
            losses += [1.33 * (1 - torch.sigmoid(c - z)), 1 - torch.sigmoid(z - r)]
    return torch.stack(losses).mean()


def step(settings: TrainSettings, examples: tuple[Example, ...], ref: Tensor) -> tuple[Tensor, list[Tensor], Any]:
    model = load(settings)
    trainer = TrieTrainer(model, examples, settings, lowered=False)
    trainer.steps.reference_X3 = ref
    loss = trainer.training_step(model, trainer.train_dataset[0])
    return loss, [p.grad for p in model.parameters() if p.grad is not None], trainer


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="one-trie"),
        pytest.param({"max_tokens": 150}, id="split-into-tries"),
        pytest.param({"group": "row"}, id="rows"),
        pytest.param({"group": "row", "max_tokens": 1}, id="rows-one-pair-a-pass"),
    ],
)
@pytest.mark.parametrize("objective", OBJECTIVE_NAMES)
def test_a_step_equals_the_objective_row_by_row(settings_of: Any, objective: Any, changed: dict[str, Any]) -> None:
    settings = settings_of(objective, **changed)
    examples = rendered(settings)
    torch.manual_seed(9)
    # A reference away from the policy: at the reference every preference loss is trivially equal.
    ref = torch.empty(len(examples), 3, dtype=torch.float64).uniform_(-60, -20)
    loss, grads, trainer = step(settings, examples, ref)

    model = load(settings)
    expected = row_by_row(model, objective, examples, ref)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    plain = [g for g in torch.autograd.grad(expected, list(model.parameters()), allow_unused=True) if g is not None]
    gap = torch.stack([(a - b).norm() for a, b in zip(grads, plain, strict=True)]).norm()
    assert gap <= 1e-10 * torch.stack([g.norm() for g in plain]).norm()
    assert trainer.steps.tokens_trie < trainer.steps.tokens_rows or settings.group == "row"


@pytest.mark.parametrize("objective", OBJECTIVE_NAMES)
def test_fp32_stays_within_rounding(settings_of: Any, objective: Any) -> None:
    settings = settings_of(objective)
    examples = rendered(settings)
    ref = torch.full((len(examples), 3), -40.0)
    model = load(settings).float()
    trainer = TrieTrainer(model, examples, settings, lowered=False)
    trainer.steps.reference_X3 = ref
    loss = trainer.training_step(model, trainer.train_dataset[0])
    expected = row_by_row(load(settings), objective, examples, ref.double())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_metrics_have_trl_names(settings_of: Any) -> None:
    settings = settings_of("nca")
    examples = rendered(settings)
    _, _, trainer = step(settings, examples, torch.full((len(examples), 3), -40.0, dtype=torch.float64))
    logs = {"loss": 0.0}
    trainer.log(logs)
    model = load(settings)
    with torch.no_grad():
        values = torch.stack([torch.stack([logp(model, s) for s in e.sequences]) for e in examples])
    assert logs["logps/chosen"] == pytest.approx(values[:, 0].mean().item())
    assert logs["rewards/rejected"] == pytest.approx(BETA * (values[:, 1].mean().item() + 40))
    assert logs["rewards/margins"] == pytest.approx(BETA * (values[:, 0] - values[:, 1]).mean().item())
    assert logs["rewards/accuracies"] == pytest.approx((values[:, 0] > values[:, 1]).double().mean().item())


def test_a_loss_that_is_no_number_stops_with_a_sentence(settings_of: Any) -> None:
    settings = settings_of("dpo")
    examples = rendered(settings)
    with pytest.raises(TrainingError, match=r"lower train\.learning_rate"):
        step(settings, examples, torch.full((len(examples), 3), float("nan")))


# ---------------------------------------------------------------- order, mismatches, reference


def toy(groups: list[str]) -> list[Example]:
    return [Example(g, "tree", (TokenSequence((1, i + 2), ((1, 2),)),)) for i, g in enumerate(groups)]


@pytest.mark.parametrize("seed", range(5))
def test_batches_hold_whole_trees_and_every_example_once(seed: int) -> None:
    draw = random.Random(seed)
    examples = toy([f"g{draw.randrange(12)}" for _ in range(40)])
    settings = TrainSettings("dpo", "m", "r", "o", batch_size=6, seed=seed)
    batches = epoch_batches(examples, settings, epoch=0)
    assert sorted(i for batch in batches for i in batch) == list(range(40))
    assert max(map(len, batches)) <= 6
    sizes = {g: sum(e.group == g for e in examples) for g in {e.group for e in examples}}
    for group, size in sizes.items():
        homes = [n for n, batch in enumerate(batches) if any(examples[i].group == group for i in batch)]
        assert len(homes) == -(-size // 6)
    assert batches == epoch_batches(examples, settings, epoch=0)
    assert batches != epoch_batches(examples, settings, epoch=1)
    for batch in batches:
        assert sorted(i for p in batch_packs(examples, batch, settings) for i in p) == sorted(batch)


def test_a_mismatched_answer_is_another_problems_behind_the_own_prompt(settings_of: Any) -> None:
    examples = rendered(settings_of("kto"))
    answers = {g: {s.tokens[s.spans[0][0] :] for e in examples if e.group == g for s in e.sequences}
               for g in {e.group for e in examples}}  # fmt: skip
    for example in examples:
        assert example.mismatched is not None
        ((start, _),) = example.mismatched.spans
        own = example.sequences[0]
        assert example.mismatched.tokens[:start] == own.tokens[: own.spans[0][0]]
        foreign = example.mismatched.tokens[start:]
        assert any(foreign in texts for group, texts in answers.items() if group != example.group)


def test_kto_needs_two_problems(settings_of: Any, write_rows: Any, make_rows: Any) -> None:
    settings = dataclasses.replace(settings_of("kto"), rows=write_rows(make_rows("kto", 1)))
    with pytest.raises(InputError, match="only one problem"):
        rendered(settings)


def test_the_reference_is_computed_once_and_only_for_its_key(settings_of: Any) -> None:
    settings = settings_of("kto")
    examples = rendered(settings)
    calls = []

    def score(sequences: Any) -> Tensor:
        calls.append(len(sequences))
        return torch.tensor([-float(len(sequence.tokens)) for sequence in sequences])

    def run(fingerprint: str, precision: str = "fp32", of: tuple[Example, ...] = examples) -> Any:
        return reference_logps(of, settings, score, fingerprint=fingerprint, precision=precision)

    first = run("a")
    expected = [[-float(len(s.tokens)) for s in (*e.sequences, e.mismatched) if s] for e in examples]
    assert first.logps.tolist() == expected
    assert sum(calls) == 3 * len(examples)
    assert run("a").logps.equal(first.logps)
    assert sum(calls) == 3 * len(examples)
    for other in ({"fingerprint": "b"}, {"fingerprint": "a", "precision": "bf16"}):
        run(**other)
    assert sum(calls) == 9 * len(examples)
    run("a", of=examples[:-1])
    assert sum(calls) == 12 * len(examples) - 3


@pytest.mark.parametrize("change", ["tokens", "spans", "order"])
def test_the_reference_key_covers_what_is_scored(change: str) -> None:
    examples = toy(["a", "b"])
    other = {
        "tokens": [examples[0], Example("b", "tree", (TokenSequence((1, 9), ((1, 2),)),))],
        "spans": [examples[0], Example("b", "tree", (TokenSequence((1, 3)),))],
        "order": examples[::-1],
    }[change]
    assert reference_key(examples, "f", "fp32") != reference_key(other, "f", "fp32")
