"""Layers of a model made quicker and lighter, with the same results.

In:  a model of transformers. Out: the same model; its linear layers use the faster library (see `linear`), its gated
feed-forward layers keep two of their four wide tensors for the backward pass (the gate's activation and its product
with the other half are made again), its root-mean-square norms keep their input only, and layers that read a norm's
output keep nothing of it. What is computed again costs no matrix product.
Always true: a layer is touched only if its forward pass is, instruction for instruction, that of torch's linear layer
or of Llama's (Mistral, Qwen, SmolLM and others share it); the gradients are the same to rounding.

Measured on SmolLM2-135M in fp32: what is kept is 0.7 MB a token instead of 1.3 MB, and no more time.

Shapes: T tokens, W width, I inner width.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm

from preftree.tries.linear import Remake, linear, product, weight_grad


def lighten(model: Any) -> None:
    """From now on, whoever calls the model; layers that were touched before, or have hooks, stay as they are."""
    for module in model.modules():
        if _is_ordinary(module):
            module.forward = functools.partial(linear, module, module.forward)
        elif _same_code(module, LlamaMLP) and _is_plain(module):
            module.forward = functools.partial(_gated, module, module.forward)
        elif _same_code(module, LlamaRMSNorm):
            module.forward = functools.partial(_normed, module, module.forward)


def _same_code(module: torch.nn.Module, like: type[torch.nn.Module]) -> bool:
    """Whether a layer that nobody has touched does what this one does."""
    if "forward" in vars(module):
        return False
    mine, theirs = (getattr(kind.forward, "__code__", None) for kind in (type(module), like))
    return mine is not None and theirs is not None and _body(mine) == _body(theirs)


def _body(code: Any) -> tuple[Any, ...]:
    return code.co_code, code.co_names, code.co_consts


def _linears(module: Any) -> tuple[torch.nn.Module, ...]:
    return module.gate_proj, module.up_proj, module.down_proj


def _is_plain(module: Any) -> bool:
    """Ordinary linear layers that nobody listens to, and an activation without weights of its own."""
    learns = isinstance(module.act_fn, torch.nn.Module) and any(True for _ in module.act_fn.parameters())
    return not learns and all(_is_ordinary(layer) for layer in _linears(module))


def _is_ordinary(layer: torch.nn.Module) -> bool:
    hooked = "forward" in vars(layer) or layer._forward_hooks or layer._forward_pre_hooks
    return type(layer) is torch.nn.Linear and not hooked


def _gated(module: Any, plain: Callable[[Tensor], Tensor], hidden: Tensor) -> Tensor:
    if not torch.is_grad_enabled() or any(layer.bias is not None for layer in _linears(module)):
        return plain(hidden)
    weights = [layer.weight for layer in _linears(module)]
    out: Tensor = _GatedLayer.apply(hidden, *weights, module.act_fn)  # type: ignore[no-untyped-call]
    return out


def _normed(module: Any, plain: Callable[[Tensor], Tensor], hidden: Tensor) -> Tensor:
    # What transformers rounds to fp32 inside a model of fp64 stays its own affair.
    if not torch.is_grad_enabled() or hidden.dtype == torch.float64:
        return plain(hidden)
    out, scale_T1 = _Norm.apply(hidden, module.weight, module.variance_epsilon)  # type: ignore[no-untyped-call]
    out.remake = Remake(_unit_times, (hidden, scale_T1, module.weight), out._version)
    return cast(Tensor, out)


class _GatedLayer(torch.autograd.Function):
    """down(act(gate(x)) * up(x)), in autocast's precision where that is on."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, gate_IW: Tensor, up_IW: Tensor, down_WI: Tensor, act: Callable[[Tensor], Tensor]
    ) -> Tensor:
        kind = hidden.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        with torch.autocast(kind, enabled=False):
            low, remake = hidden.to(dtype), Remake.for_rows(hidden)
            gate, up = product(low, gate_IW.to(dtype)), product(low, up_IW.to(dtype))
            ctx.save_for_backward(gate, up, gate_IW, up_IW, down_WI, *remake.of)
            ctx.act, ctx.make, ctx.dtype = act, remake.make, hidden.dtype
            return product(act(gate) * up, down_WI.to(dtype))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        gate, up, gate_IW, up_IW, down_WI, *kept = ctx.saved_tensors
        low = ctx.make(*kept).to(grad.dtype)
        with torch.autocast(grad.device.type, enabled=False):
            with torch.enable_grad():
                gate = gate.detach().requires_grad_()
                active = ctx.act(gate)
            grad_inner = product(grad, down_WI.to(grad.dtype).T)
            grad_down = weight_grad(grad, active.detach() * up, down_WI) if ctx.needs_input_grad[3] else None
            grad_up = grad_inner * active.detach()
            (grad_gate,) = torch.autograd.grad(active, gate, grad_inner.mul_(up))
            grad_hidden = product(grad_gate, gate_IW.to(grad.dtype).T)
            grad_hidden += product(grad_up, up_IW.to(grad.dtype).T)
            return (
                grad_hidden.to(ctx.dtype),
                weight_grad(grad_gate, low, gate_IW) if ctx.needs_input_grad[1] else None,
                weight_grad(grad_up, low, up_IW) if ctx.needs_input_grad[2] else None,
                grad_down,
                None,
            )


class _Norm(torch.autograd.Function):
    """weight * x / rms(x), inside in fp32, as transformers computes it; and 1 / rms(x) [T, 1], without gradient."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight_W: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
        scale_T1 = torch.rsqrt(hidden.to(torch.float32).pow(2).mean(-1, keepdim=True) + epsilon)
        ctx.save_for_backward(hidden, scale_T1, weight_W)
        ctx.mark_non_differentiable(scale_T1)
        return _unit_times(hidden, scale_T1, weight_W), scale_T1

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        hidden, scale_T1, weight_W = ctx.saved_tensors
        unit = hidden.to(torch.float32) * scale_T1
        grad_W = None
        if ctx.needs_input_grad[1]:
            grad_W = (grad * unit.to(hidden.dtype)).reshape(-1, len(weight_W)).sum(0).to(weight_W.dtype)
        grad_unit = (grad * weight_W).to(torch.float32)
        inner_T1 = (grad_unit * unit).mean(-1, keepdim=True)
        return grad_unit.sub_(unit.mul_(inner_T1)).mul_(scale_T1).to(hidden.dtype), grad_W, None


def _unit_times(hidden: Tensor, scale_T1: Tensor, weight_W: Tensor) -> Tensor:
    unit = (hidden.to(torch.float32) * scale_T1).to(hidden.dtype)
    return unit.mul_(weight_W) if unit.dtype == weight_W.dtype else weight_W * unit
