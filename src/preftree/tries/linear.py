"""Matrix products of linear layers on a CPU, by the faster of the two libraries that torch carries.

In:  rows and weights in fp32. Out: the same numbers to rounding, forward and backward.
Always true: other devices, precisions and autocast go the way they did.

torch sends fp32 products to MKL, whose kernel for x @ weight.T is slow on processors that are not Intel's. Measured on
two virtual cores of a Zen 5 (rows of 1,590 x 576): forward 165 GFLOPS by MKL, 205 by oneDNN; the vocabulary's
projection 98 against 160; the gradient of x 190 against 210; that of the weight is no faster, and stays with MKL.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor


def product(rows: Tensor, weight: Tensor) -> Tensor:
    """rows [..., I] @ weight [O, I].T, without gradient."""
    if _takes(rows, weight):
        out: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none", [], "")
        return out
    return rows @ weight.T


def weight_grad(grad: Tensor, rows: Tensor, weight: Tensor) -> Tensor:
    """Of rows @ weight.T, given the gradient of the product."""
    return (grad.reshape(-1, grad.shape[-1]).T @ rows.reshape(-1, rows.shape[-1])).to(weight.dtype)


class Remake(NamedTuple):
    """How rows are made again in a backward pass.

    A layer that is given rows with this as their attribute `remake` keeps what they were made of, which other layers
    keep anyway, and not the rows.
    """

    make: Callable[..., Tensor]
    of: tuple[Tensor, ...]
    version: int = 0  # of the rows: where they were changed since, they are kept after all

    @staticmethod
    def for_rows(rows: Tensor) -> Remake:
        """As the rows say; rows that say nothing are kept themselves."""
        found: Remake | None = getattr(rows, "remake", None)
        if found is not None and rows._version == found.version:
            return found
        return Remake(lambda kept: kept, (rows,))


def linear(module: Any, plain: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """What a linear layer does, the faster way where there is one."""
    if not _takes(rows, module.weight):
        return plain(rows)
    out: Tensor = _Linear.apply(rows, module.weight, module.bias)  # type: ignore[no-untyped-call]
    return out


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        remake = Remake.for_rows(rows)
        ctx.save_for_backward(weight, *remake.of)
        ctx.make, ctx.biased = remake.make, bias is not None
        out: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weight, *kept = ctx.saved_tensors
        grad_rows = product(grad, weight.T) if ctx.needs_input_grad[0] else None
        grad_weight = weight_grad(grad, ctx.make(*kept), weight) if ctx.needs_input_grad[1] else None
        grad_bias = grad.reshape(-1, grad.shape[-1]).sum(0) if ctx.biased and ctx.needs_input_grad[2] else None
        return grad_rows, grad_weight, grad_bias


_ONE_DNN = (
    platform.machine() in ("x86_64", "AMD64")
    and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
)


def _takes(rows: Tensor, weight: Tensor) -> bool:
    return (
        _ONE_DNN
        and rows.dtype == weight.dtype == torch.float32
        and rows.device.type == weight.device.type == "cpu"
        and rows.ndim > 1
        and rows.numel() > 0
        and not torch.is_autocast_enabled("cpu")
    )
