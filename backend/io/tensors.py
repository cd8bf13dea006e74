"""Between pictures and the planes that engines work on: ``(C, H, W)`` float32 tensors in which equal steps look alike."""

from __future__ import annotations

import numpy as np
import torch

from ...shared.values import Image
from ..core.color import from_float, to_float, to_srgb
from ..core.shaper import shape_linear, unshape_linear


def to_planes(image: Image, device: torch.device) -> torch.Tensor:
    """Pixels as ``(C, H, W)`` float32: sRGB and data as stored in 0..1 (floats as they are), linear colour through the shaper."""
    values = to_float(image.pixels)
    if image.color_space == "linear":
        color = 3 if values.shape[2] == 4 else values.shape[2]
        values = np.concatenate([shape_linear(values[..., :color]), values[..., color:]], axis=2)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1))).to(device)


def from_planes(planes: torch.Tensor, like: Image) -> Image:
    """The inverse of ``to_planes``, in the storage type and colour space of ``like``."""
    values = planes.detach().permute(1, 2, 0).cpu().numpy()
    if like.color_space == "linear":
        color = 3 if values.shape[2] == 4 else values.shape[2]
        values = np.concatenate([unshape_linear(values[..., :color]), values[..., color:]], axis=2)
    return Image(np.ascontiguousarray(from_float(values, like.pixels.dtype)), like.color_space)


def srgb_planes(image: Image) -> torch.Tensor:
    """Colour as ``(3, H, W)`` float32 on the CPU, sRGB 0..1, for networks: grey three times, without alpha."""
    values = to_float(image.pixels)
    values = values[..., :3] if values.shape[2] >= 3 else values[..., :1].repeat(3, axis=2)
    if image.color_space == "linear":
        values = to_srgb(np.maximum(values, 0.0))
    return torch.from_numpy(np.ascontiguousarray(np.clip(values, 0.0, 1.0).transpose(2, 0, 1)))


def preview(planes: torch.Tensor, color_space: str, side: int = 256) -> np.ndarray:
    """A small picture for progress: ``(h, w, 3)`` uint8, sRGB, no side longer than ``side``. Data is stretched to its own range."""
    small = planes.detach()
    longest = max(small.shape[1:])
    if longest > side:
        size = [max(1, round(s * side / longest)) for s in small.shape[1:]]
        small = torch.nn.functional.interpolate(small[None], size=size, mode="bilinear", antialias=True)[0]
    values = small.permute(1, 2, 0).cpu().numpy()
    values = values[..., :3] if values.shape[2] >= 3 else values[..., :1].repeat(3, axis=2)
    if color_space == "data":
        low, high = float(values.min()), float(values.max())
        values = (values - low) / max(high - low, 1e-9)
    picture: np.ndarray = from_float(values, np.uint8)
    return picture
