"""The losses: pure functions of log-probabilities or rewards. A new one is a function and a registry line.

In:  tensors [P], one entry a pair (or [R] for SFT rows), in nats.
Out: losses [P] and the implicit or explicit rewards of both answers.
Always true: nothing here knows of models, tries or batches; the trainer divides the sum of the losses by the
objective's denominator over the whole optimizer batch.

Formulas: Eurus (arXiv 2404.02078); DPO (2305.18290), KTO (2402.01306), NCA (2402.05369, the pair form).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn.functional import logsigmoid

from preftree.train.settings import ObjectiveName, TrainSettings


@dataclass(frozen=True, slots=True)
class PairLogps:
    """Log-probabilities [P] of both answers, under the policy and under the reference."""

    chosen: Tensor
    rejected: Tensor
    ref_chosen: Tensor
    ref_rejected: Tensor


@dataclass(frozen=True, slots=True)
class PairLoss:
    """Loss [P] and rewards [P], without gradient."""

    loss: Tensor
    chosen: Tensor
    rejected: Tensor


def sft(logps_R: Tensor) -> Tensor:
    """The negative log-likelihood [R] of each row's scored tokens; the denominator is their number."""
    return -logps_R


def dpo(logps: PairLogps, *, beta: float) -> PairLoss:
    """Direct preference optimisation: only the margin counts. At the reference the loss is ln 2."""
    chosen_P = beta * (logps.chosen - logps.ref_chosen)
    rejected_P = beta * (logps.rejected - logps.ref_rejected)
    return PairLoss(-logsigmoid(chosen_P - rejected_P), chosen_P.detach(), rejected_P.detach())


def kto(logps: PairLogps, *, beta: float, z: Tensor, lambda_desirable: float, lambda_undesirable: float) -> PairLoss:
    """Kahneman-Tversky optimisation over paired rows: each answer against a common point of reference.

    In:  `z`, from `kto_reference_point`, without gradient.
    Out: the loss of both rows of a pair together; the denominator counts rows.
    """
    chosen_P = beta * (logps.chosen - logps.ref_chosen)
    rejected_P = beta * (logps.rejected - logps.ref_rejected)
    gain_P = lambda_desirable * (1 - (chosen_P - z).sigmoid())
    pain_P = lambda_undesirable * (1 - (z - rejected_P).sigmoid())
    return PairLoss(gain_P + pain_P, chosen_P.detach(), rejected_P.detach())


def kto_reference_point(logps_M: Tensor, ref_M: Tensor, *, beta: float) -> Tensor:
    """z: beta x the mean log-ratio of answers to other problems, never below 0, without gradient."""
    return beta * (logps_M - ref_M).detach().mean().clamp(min=0)


def nca(logps: PairLogps, *, beta: float) -> PairLoss:
    """Noise-contrastive alignment: lift the chosen answer, but not for ever.

    In:  four tensors [P] in nats, each summed over an answer's tokens.
    Out: loss [P]; rewards [P] of chosen and rejected, in units of beta * nats.
    At the reference all rewards are 0 and the loss is 2 ln 2.
    """
    chosen_P = beta * (logps.chosen - logps.ref_chosen)
    rejected_P = beta * (logps.rejected - logps.ref_rejected)
    lift_P = -logsigmoid(chosen_P)
    # Without this term the chosen reward grows without end; with it, it settles at ln 2.
    hold_P = -0.5 * (logsigmoid(-chosen_P) + logsigmoid(-rejected_P))
    return PairLoss(lift_P + hold_P, chosen_P.detach(), rejected_P.detach())


def reward(chosen_P: Tensor, rejected_P: Tensor, from_tree_P: Tensor) -> PairLoss:
    """Bradley-Terry, and for pairs from trees the direct reward too: L_BT + L_DR.

    L_DR lifts the chosen reward above 0 and presses the rejected below, which L_BT alone leaves open.
    """
    rank_P = -logsigmoid(chosen_P - rejected_P)
    direct_P = -logsigmoid(chosen_P) - logsigmoid(-rejected_P)
    return PairLoss(rank_P + from_tree_P * direct_P, chosen_P.detach(), rejected_P.detach())


@dataclass(frozen=True, slots=True)
class Objective:
    """How the trainer feeds an objective, and by what its loss is divided.

    `pair` is None where rewards or single rows are read instead of pairs of log-probabilities.
    """

    reads: Literal["rows", "pairs", "rewards"]
    denominator: Literal["tokens", "pairs", "rows"]
    pair: Callable[[PairLogps, TrainSettings, Tensor], PairLoss] | None = None
    mismatched: bool = False


OBJECTIVES: dict[ObjectiveName, Objective] = {
    "sft": Objective("rows", "tokens"),
    "dpo": Objective("pairs", "pairs", lambda logps, s, _: dpo(logps, beta=s.beta)),
    "nca": Objective("pairs", "pairs", lambda logps, s, _: nca(logps, beta=s.beta)),
    "kto": Objective(
        "pairs",
        "rows",
        lambda logps, s, z: kto(
            logps, beta=s.beta, z=z, lambda_desirable=s.lambda_desirable, lambda_undesirable=s.lambda_undesirable
        ),
        mismatched=True,
    ),
    "reward": Objective("rewards", "pairs"),
}
