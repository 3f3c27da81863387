"""The stage between convolutions: its fused loops are its tensor operations, to rounding."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rltrack.backbones.lrn_stage import (
    _FusedStage,
    _TensorStage,
    linearised_stage,
    local_response_norm,
    pooled,
)

SHAPES = [(3, 96, 51, 51), (2, 256, 11, 11), (1, 5, 8, 7)]


def responses(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> Tensor:
    """Large enough that the normalisation matters."""
    z = 100 * torch.randn(shape, generator=Generator().manual_seed(seed), dtype=dtype)
    return z.contiguous(memory_format=torch.channels_last)


def close(one: Tensor, other: Tensor) -> None:
    tolerance = 1e-12 if one.dtype == torch.float64 else 2e-6
    assert one.shape == other.shape
    assert (one - other).abs().max() <= tolerance * other.abs().max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_fused_loops_equal_tensor_operations(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    z = responses(shape, dtype)
    fused, tensors = _FusedStage(z), _TensorStage(z)
    close(pooled(z), F.max_pool2d(local_response_norm(F.relu(z)), 3, 2))
    close(fused.output, tensors.output)
    close(fused.product(z.flip(0)), tensors.product(z.flip(0)))
    g = responses(tuple(fused.output.shape), dtype, seed=1)
    close(fused.transpose_product(g), tensors.transpose_product(g))


@pytest.mark.parametrize("linear", [_FusedStage, _TensorStage])
def test_products_are_autograds(linear: type) -> None:
    z = responses((2, 6, 9, 9), torch.float64).requires_grad_()
    output = F.max_pool2d(local_response_norm(F.relu(z)), 3, 2)
    g, a = torch.randn_like(output), torch.randn_like(z)
    (expected,) = torch.autograd.grad(output, z, g)
    stage = linear(z.detach())
    close(stage.transpose_product(g), expected)
    torch.testing.assert_close((stage.product(a) * g).sum(), (a * expected).sum())


def test_any_memory_format_is_read_right() -> None:
    z = responses((2, 96, 51, 51), torch.float32)
    close(pooled(z.contiguous()), pooled(z))
    stage = linearised_stage(z.contiguous())
    close(stage.transpose_product(stage.output.contiguous()), stage.transpose_product(stage.output))


def test_gradients_pass() -> None:
    z = responses((1, 5, 8, 7), torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(pooled, z)
