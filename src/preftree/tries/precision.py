"""Whether to compute in bf16: only where the hardware multiplies matrices in it.

In:  "auto", "fp32" or "bf16". Out: "fp32" or "bf16".
Measured on two Zen 5 cores with SmolLM2-135M: 570 tokens/s forward and backward in bf16, 170 in fp32. A CPU
without such instructions is slower in bf16 than in fp32.
"""

from __future__ import annotations


def resolve_precision(wanted: str) -> str:
    """What "auto" means on this machine."""
    if wanted != "auto":
        return wanted
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() else "fp32"
