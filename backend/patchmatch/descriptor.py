"""Short descriptions of patches in which they are compared: Gaussian-weighted pixels, projected on their principal components.

The projection is a convolution, so that the patches themselves (49 numbers per channel and pixel) never lie in memory.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

PATCH = 7
"""Side of a patch in pixels, as in the patch-based literature (Kwatra 2005, GPNN 2022)."""

SAMPLES = 12288
"""Patches from which the principal components are estimated: 80 for each of 147 numbers of a colour patch."""


def window(sigma: float, device: torch.device) -> torch.Tensor:
    """Gaussian weights of a patch's pixels, ``(PATCH, PATCH)``, summing to 1."""
    x = torch.arange(PATCH, dtype=torch.float32, device=device) - (PATCH - 1) / 2
    g = torch.exp(-(x**2) / (2 * sigma**2))
    g = g / g.sum()
    return g[:, None] * g[None]


class Projection:
    """Principal components of a source's patches as a bank of convolution kernels.

    Args:
        source: ``(C, H, W)`` float32, guides included and weighted.
        size: Number of components kept.
        usable: ``((H - 6) * (W - 6),)`` bool, the patches to describe; None for all.
        samples: Patches from which the components are estimated, about.
    """

    def __init__(self, source: torch.Tensor, size: int, usable: torch.Tensor | None = None, samples: int = SAMPLES) -> None:
        channels, height, width = source.shape
        root = (window(2.0, source.device).sqrt() * PATCH).reshape(1, -1)
        weight = root.expand(channels, -1).reshape(-1)
        rows, columns = height - PATCH + 1, width - PATCH + 1
        all_patches = source.unfold(1, PATCH, 1).unfold(2, PATCH, 1)
        if usable is None:
            step = max(1, int((rows * columns / samples) ** 0.5))
            y = torch.arange(0, rows, step, device=source.device)
            x = torch.arange(0, columns, step, device=source.device)
            patches = all_patches[:, y][:, :, x].permute(1, 2, 0, 3, 4)
        else:
            some = torch.nonzero(usable).flatten()
            some = some[:: max(1, len(some) // samples)]
            patches = all_patches[:, some // columns, some % columns].permute(1, 0, 2, 3)
        patches = patches.reshape(-1, channels * PATCH**2) * weight
        self.mean = patches.mean(0)
        centred = (patches - self.mean).double()
        # On the CPU in double precision, so that every device projects on the same components.
        _, vectors = torch.linalg.eigh((centred.T @ centred).cpu())
        basis = vectors[:, -min(size, vectors.shape[1]) :].flip(1).float().to(source.device)
        self.kernels = (basis * weight[:, None]).T.reshape(-1, channels, PATCH, PATCH).contiguous()
        self.bias = -(self.mean @ basis)

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        """Describes every whole patch of ``(C, H, W)``: ``((H - 6) * (W - 6), size)``, row by row."""
        return F.conv2d(picture[None], self.kernels, self.bias)[0].flatten(1).T.contiguous()
