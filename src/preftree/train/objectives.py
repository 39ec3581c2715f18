"""The losses: pure functions of log-probabilities or rewards. A new one is a function and a registry line.

In:  tensors [P], one entry a pair (or [R] for SFT rows), in nats.
Out: losses [P] and the implicit or explicit rewards of both answers.
Always true: nothing here knows of models, tries or batches; the trainer divides the sum of the losses by the
objective's denominator over the whole optimizer batch.

Formulas: Eurus (arXiv 2404.02078); DPO (2305.18290), KTO (2402.01306), NCA (2402.05369, the pair form), IPO
(2310.12036), length-normalised DPO (Tulu 3, 2411.15124), RPO (2404.19733), SimPO (2405.14734), ORPO (2403.07691).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from preftree.train.settings import ObjectiveName, TrainSettings


@dataclass(frozen=True, slots=True)
class PairLogps:
    """Log-probabilities [P] of both answers, under the policy and under the reference (0 for objectives that have
    none), and the numbers [P] of their scored tokens."""

    chosen: Tensor
    rejected: Tensor
    ref_chosen: Tensor
    ref_rejected: Tensor
    num_chosen: Tensor
    num_rejected: Tensor


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What an objective is told of the whole optimizer batch: KTO's point of reference, the mean number of scored
    tokens of a chosen answer (by which a likelihood a token becomes a sum over pairs), the tokens of all its sequences
    and the objective's denominator."""

    z: Tensor
    tokens_a_chosen: float
    tokens: int = 1
    denominator: int = 1


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
    gain_P, chosen_P = kto_single(logps.chosen - logps.ref_chosen, True, beta=beta, z=z, weight=lambda_desirable)
    pain_P, rejected_P = kto_single(
        logps.rejected - logps.ref_rejected, False, beta=beta, z=z, weight=lambda_undesirable
    )
    return PairLoss(gain_P + pain_P, chosen_P, rejected_P)


def kto_single(log_ratio_R: Tensor, desirable: bool, *, beta: float, z: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """Loss [R] and reward [R] of answers that stand alone: weight x (1 - sigmoid of how far each is on its side of z).

    In:  log-ratios [R] of policy and reference.
    """
    reward_R = beta * log_ratio_R
    distance_R = reward_R - z if desirable else z - reward_R
    return weight * (1 - distance_R.sigmoid()), reward_R.detach()


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


def ipo(logps: PairLogps, *, beta: float) -> PairLoss:
    """Identity preference optimisation: the margin a token is pulled to 1 / (2 beta), and no further.

    Log-ratios are means over tokens, as its authors ran it, so that beta means the same for answers of any length.
    """
    chosen_P, rejected_P = logps.chosen - logps.ref_chosen, logps.rejected - logps.ref_rejected
    margin_P = chosen_P / logps.num_chosen - rejected_P / logps.num_rejected
    return PairLoss((margin_P - 1 / (2 * beta)) ** 2, beta * chosen_P.detach(), beta * rejected_P.detach())


def dpo_norm(logps: PairLogps, *, beta: float) -> PairLoss:
    """DPO on log-ratios that are means over tokens, so that length earns nothing.

    The rewards that it reports are sums, as those of the other objectives with a reference (and as TRL's).
    """
    chosen_P, rejected_P = logps.chosen - logps.ref_chosen, logps.rejected - logps.ref_rejected
    margin_P = beta * (chosen_P / logps.num_chosen - rejected_P / logps.num_rejected)
    return PairLoss(-logsigmoid(margin_P), beta * chosen_P.detach(), beta * rejected_P.detach())


def rpo(logps: PairLogps, *, beta: float, alpha: float, tokens_a_chosen: float) -> PairLoss:
    """DPO, and alpha x the negative log-likelihood a token of the batch's chosen answers."""
    out = dpo(logps, beta=beta)
    return PairLoss(out.loss - alpha * logps.chosen / tokens_a_chosen, out.chosen, out.rejected)


def simpo(logps: PairLogps, *, beta: float, gamma: float) -> PairLoss:
    """No reference: mean log-probabilities a token are the rewards, and the chosen one must lead by gamma."""
    chosen_P, rejected_P = beta * logps.chosen / logps.num_chosen, beta * logps.rejected / logps.num_rejected
    return PairLoss(-logsigmoid(chosen_P - rejected_P - gamma), chosen_P.detach(), rejected_P.detach())


def orpo(logps: PairLogps, *, beta: float, tokens_a_chosen: float) -> PairLoss:
    """No reference: the likelihood a token of the chosen answers, and beta x the log-odds ratio of the two."""
    chosen_P, rejected_P = logps.chosen / logps.num_chosen, logps.rejected / logps.num_rejected
    odds_P = chosen_P - rejected_P - (_log1mexp(chosen_P) - _log1mexp(rejected_P))
    loss_P = -logps.chosen / tokens_a_chosen - beta * logsigmoid(odds_P)
    return PairLoss(loss_P, beta * chosen_P.detach(), beta * rejected_P.detach())


def _log1mexp(logp: Tensor) -> Tensor:
    """log(1 - exp(logp)) for logp < 0."""
    return torch.log(-torch.expm1(logp))


def reward(
    chosen_P: Tensor,
    rejected_P: Tensor,
    from_tree_P: Tensor,
    *,
    margin_P: Tensor | float = 0.0,
    terms: str = "bt+dr",
    centering: float = 0.0,
) -> PairLoss:
    """Bradley-Terry, and for pairs from trees the direct reward too: L_BT + L_DR, or one of the two.

    L_DR lifts the chosen reward above 0 and presses the rejected below, which L_BT alone leaves open. `margin_P` is
    how far the chosen reward should lead (Llama 2, 2307.09288); `centering` x (the sum of both rewards)^2 is added
    (2312.09244).
    """
    loss_P = centering * (chosen_P + rejected_P) ** 2
    if terms != "dr":
        loss_P = loss_P - logsigmoid(chosen_P - rejected_P - margin_P)
    if terms != "bt":
        loss_P = loss_P - from_tree_P * (logsigmoid(chosen_P) + logsigmoid(-rejected_P))
    return PairLoss(loss_P, chosen_P.detach(), rejected_P.detach())


@dataclass(frozen=True, slots=True)
class Objective:
    """How the trainer feeds an objective, and by what its loss is divided.

    `pair` is None where rewards or single rows are read instead of pairs of log-probabilities. `reference`: whether it
    asks what the starting model says; `mismatched`: whether it asks for answers to other problems.
    """

    reads: Literal["rows", "pairs", "rewards"]
    denominator: Literal["tokens", "pairs", "rows"]
    pair: Callable[[PairLogps, TrainSettings, BatchFacts], PairLoss] | None = None
    reference: bool = False
    mismatched: bool = False


def _pairs(pair: Callable[[PairLogps, TrainSettings, BatchFacts], PairLoss], *, reference: bool = True) -> Objective:
    return Objective("pairs", "pairs", pair, reference)


OBJECTIVES: dict[ObjectiveName, Objective] = {
    "sft": Objective("rows", "tokens"),
    "dpo": _pairs(lambda logps, s, _: dpo(logps, beta=s.beta)),
    "nca": _pairs(lambda logps, s, _: nca(logps, beta=s.beta)),
    "kto": Objective(
        "pairs",
        "rows",
        lambda logps, s, batch: kto(
            logps, beta=s.beta, z=batch.z, lambda_desirable=s.lambda_desirable, lambda_undesirable=s.lambda_undesirable
        ),
        reference=True,
        mismatched=True,
    ),
    "ipo": _pairs(lambda logps, s, _: ipo(logps, beta=s.beta)),
    "dpo-norm": _pairs(lambda logps, s, _: dpo_norm(logps, beta=s.beta)),
    "rpo": _pairs(
        lambda logps, s, batch: rpo(logps, beta=s.beta, alpha=s.rpo_alpha, tokens_a_chosen=batch.tokens_a_chosen)
    ),
    "simpo": _pairs(lambda logps, s, _: simpo(logps, beta=s.beta, gamma=s.simpo_gamma), reference=False),
    "orpo": _pairs(
        lambda logps, s, batch: orpo(logps, beta=s.beta, tokens_a_chosen=batch.tokens_a_chosen), reference=False
    ),
    "reward": Objective("rewards", "pairs"),
}
