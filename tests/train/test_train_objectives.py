"""Closed forms of the losses, at the reference and away from it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from preftree.train.objectives import (
    OBJECTIVES,
    PairLogps,
    PairLoss,
    dpo,
    dpo_norm,
    ipo,
    kto,
    kto_reference_point,
    nca,
    orpo,
    reward,
    rpo,
    sft,
    simpo,
)
from preftree.train.settings import OBJECTIVE_NAMES

LN2 = math.log(2)


def pairs(chosen: float, rejected: float) -> PairLogps:
    """Log-ratios to the reference of `chosen` and `rejected` nats, over 4 and 8 tokens."""
    values = torch.tensor([[chosen - 3.0, rejected - 5.0, -3.0, -5.0, 4.0, 8.0]], dtype=torch.float64)
    return PairLogps(*values.T)


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def log_odds(logp: float) -> float:
    return logp - math.log(1 - math.exp(logp))


def z(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize(
    ("out", "loss", "rewards"),
    [
        pytest.param(dpo(pairs(0, 0), beta=0.1), LN2, (0, 0), id="dpo-at-reference"),
        pytest.param(dpo(pairs(4, -6), beta=0.1), -log_sigmoid(1.0), (0.4, -0.6), id="dpo"),
        pytest.param(nca(pairs(0, 0), beta=0.1), 2 * LN2, (0, 0), id="nca-at-reference"),
        pytest.param(
            nca(pairs(4, -6), beta=0.1),
            -log_sigmoid(0.4) - 0.5 * log_sigmoid(-0.4) - 0.5 * log_sigmoid(0.6),
            (0.4, -0.6),
            id="nca",
        ),
        pytest.param(
            kto(pairs(0, 0), beta=0.1, z=z(0), lambda_desirable=1.33, lambda_undesirable=1.0),
            (1.33 + 1.0) / 2,
            (0, 0),
            id="kto-at-reference",
        ),
        pytest.param(
            kto(pairs(4, -6), beta=0.1, z=z(0.2), lambda_desirable=1.33, lambda_undesirable=1.0),
            1.33 * (1 - sigmoid(0.2)) + (1 - sigmoid(0.8)),
            (0.4, -0.6),
            id="kto",
        ),
        pytest.param(ipo(pairs(4, -6), beta=0.1), (1 + 0.75 - 5) ** 2, (0.4, -0.6), id="ipo"),
        pytest.param(ipo(pairs(20, 0), beta=0.1), 0, (2.0, 0), id="ipo-settled"),
        pytest.param(dpo_norm(pairs(4, -6), beta=2), -log_sigmoid(3.5), (8, -12), id="dpo-norm"),
        pytest.param(
            rpo(pairs(4, -6), beta=0.1, alpha=0.5, tokens_a_chosen=2), -log_sigmoid(1) - 0.5 / 2, (0.4, -0.6), id="rpo"
        ),
        pytest.param(
            simpo(pairs(-1, -3), beta=2, gamma=0.5), -log_sigmoid(2 * (-1 + 1) - 0.5), (-2, -2), id="simpo"
        ),
        pytest.param(
            orpo(pairs(-1, -3), beta=0.1, tokens_a_chosen=2), 4 / 2 - 0.1 * log_sigmoid(0), (-0.1, -0.1), id="orpo"
        ),
        pytest.param(
            orpo(pairs(1, -3), beta=0.1, tokens_a_chosen=4),
            2 / 4 - 0.1 * log_sigmoid(log_odds(-0.5) - log_odds(-1)), (-0.05, -0.1), id="orpo-away",
        ),
        pytest.param(
            reward(z(0.5)[None], z(-1.0)[None], z(1.0)[None], terms="bt"), -log_sigmoid(1.5), (0.5, -1.0), id="bt"
        ),
        pytest.param(
            reward(z(0.5)[None], z(-1.0)[None], z(1.0)[None], terms="dr", centering=0.1),
            -log_sigmoid(0.5) - log_sigmoid(1.0) + 0.1 * 0.25, (0.5, -1.0), id="dr-centred",
        ),
        pytest.param(
            reward(z(0.5)[None], z(-1.0)[None], z(1.0)[None]),
            -log_sigmoid(1.5) - log_sigmoid(0.5) - log_sigmoid(1.0),
            (0.5, -1.0),
            id="reward-from-a-tree",
        ),
        pytest.param(
            reward(z(0.5)[None], z(-1.0)[None], z(0.0)[None]), -log_sigmoid(1.5), (0.5, -1.0), id="reward-elsewhere"
        ),
    ],
)  # fmt: skip
def test_closed_form(out: PairLoss, loss: float, rewards: tuple[float, float]) -> None:
    assert out.loss.item() == pytest.approx(loss, rel=1e-12)
    assert (out.chosen.item(), out.rejected.item()) == pytest.approx(rewards, abs=1e-12)


def test_nca_settles_at_ln_2() -> None:
    """The chosen reward at which the derivative of NCA's loss in it vanishes: e^-r = 1/2."""
    lift = torch.tensor([LN2 / 0.1], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, dtype=torch.float64)
    nca(PairLogps(lift, zero, zero, zero, zero + 1, zero + 1), beta=0.1).loss.sum().backward()
    assert lift.grad is not None
    assert lift.grad.item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("ratios", "expected"), [([1.0, 3.0], 0.2), ([1.0, -3.0], 0.0)], ids=["mean", "never-below-0"])
def test_kto_reference_point(ratios: list[float], expected: float) -> None:
    logps = torch.tensor(ratios, requires_grad=True)
    point = kto_reference_point(logps, torch.zeros(2), beta=0.1)
    assert point.item() == pytest.approx(expected)
    assert not point.requires_grad


def test_sft_is_the_negative_log_likelihood() -> None:
    assert sft(torch.tensor([-2.0, -3.0])).tolist() == [2.0, 3.0]


def test_every_name_has_an_objective() -> None:
    assert set(OBJECTIVES) == set(OBJECTIVE_NAMES)
