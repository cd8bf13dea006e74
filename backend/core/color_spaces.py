"""Luminance, luma and OKLab of pictures as tensors. The sRGB curve is in ``color``."""

from __future__ import annotations

import torch

from .color import to_linear, to_srgb

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Rec.709 weights (ITU-R BT.709), applied to linear light or to display-like values, as each use says."""
LUMA = (0.299, 0.587, 0.114)
"""Rec.601 weights (ITU-R BT.601), applied to display-encoded colour."""

_LMS_FROM_RGB = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_LAB_FROM_LMS = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_LMS_FROM_LAB = ((1.0, 0.3963377774, 0.2158037573), (1.0, -0.1055613458, -0.0638541728), (1.0, -0.0894841775, -1.2914855480))
_RGB_FROM_LMS = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)


def luminance(planes: torch.Tensor) -> torch.Tensor:
    """The sum of the channels weighted by ``LUMINANCE``.

    Args:
        planes: ``(..., 1 or 3, H, W)`` float; one channel stays as it is.

    Returns:
        ``(..., 1, H, W)``, the same dtype and range.
    """
    if planes.shape[-3] == 1:
        return planes
    return torch.einsum("...chw,c->...hw", planes, planes.new_tensor(LUMINANCE)).unsqueeze(-3)


def to_oklab(srgb: torch.Tensor) -> torch.Tensor:
    """OKLab of display-encoded sRGB (B. Ottosson, "A perceptual color space for image processing", 2020): nearly uniform steps.

    Kornia 0.9 has no OKLab.

    Args:
        srgb: ``(3, ...)`` float in 0..1.

    Returns:
        The same shape and dtype: lightness 0..1, a (green to red) and b (blue to yellow) about -0.3..0.3.
    """
    lms = _apply(_LMS_FROM_RGB, to_linear(srgb)).clamp_min(0)
    return _apply(_LAB_FROM_LMS, lms ** (1 / 3))


def from_oklab(lab: torch.Tensor) -> torch.Tensor:
    """The inverse of ``to_oklab``: display-encoded sRGB, clamped to 0..1."""
    lms = _apply(_LMS_FROM_LAB, lab)
    return to_srgb(_apply(_RGB_FROM_LMS, lms * lms * lms).clamp(0, 1))


def _apply(matrix: tuple[tuple[float, ...], ...], color: torch.Tensor) -> torch.Tensor:
    return torch.einsum("ij,j...->i...", color.new_tensor(matrix), color)
