"""Two further views of fidelity, both as a ratio to what real crops have among themselves (1 is the noise floor)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from .portilla_simoncelli import CROP, crops_of, luminance

_PATCH, _PROJECTIONS, _LEVELS, _LAG = 7, 128, 3, 12


def patch_swd_ratio(texture: np.ndarray, exemplar: np.ndarray, seed: int = 0) -> float:
    """``patch_swd`` of crops to the exemplar, median generated crop over median real crop."""
    directions = _directions(seed)
    whole = _levels(luminance(exemplar), directions)

    def distances(crops: torch.Tensor) -> np.ndarray:
        return np.array([_distance(_levels(crop.numpy(), directions), whole) for crop in crops])

    made, real = distances(crops_of(luminance(texture), CROP // 2)), distances(crops_of(luminance(exemplar), CROP // 2))
    return float(np.median(made) / np.median(real))


def patch_swd(picture: np.ndarray, reference: np.ndarray, seed: int = 0) -> float:
    """Sliced Wasserstein distance of 7 x 7 luminance patches over three Laplacian levels (Karras et al., 2018), in deviations."""
    directions = _directions(seed)
    return _distance(_levels(luminance(picture), directions), _levels(luminance(reference), directions))


def autocorrelation_ratio(texture: np.ndarray, exemplar: np.ndarray) -> float:
    """RMS difference of the autocorrelation up to 12 px from the exemplar's, median crop over median real crop."""
    made, real = (_autocorrelations(crops_of(luminance(a), CROP // 2)) for a in (texture, exemplar))
    mean = real.mean(0)
    distance = [(a - mean).square().mean((1, 2)).sqrt().numpy() for a in (made, real)]
    return float(np.median(distance[0]) / np.median(distance[1]))


def _autocorrelations(crops: torch.Tensor) -> torch.Tensor:
    centred = crops - crops.mean((1, 2), keepdim=True)
    padded = F.pad(centred, (0, CROP, 0, CROP))
    ac = torch.fft.fftshift(torch.fft.ifft2(torch.fft.fft2(padded).abs() ** 2).real, dim=(1, 2))
    ac = ac[:, CROP - _LAG : CROP + _LAG + 1, CROP - _LAG : CROP + _LAG + 1]
    return ac / ac[:, _LAG, _LAG][:, None, None].clamp_min(1e-12)


def _laplacian(picture: torch.Tensor) -> list[torch.Tensor]:
    levels = []
    for _ in range(_LEVELS - 1):
        small = F.avg_pool2d(picture[None], 2)[0]
        levels.append(picture - F.interpolate(small[None], size=picture.shape[1:], mode="bilinear", align_corners=False)[0])
        picture = small
    return [*levels, picture - picture.mean()]


def _directions(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(_PROJECTIONS, _PATCH**2, generator=generator, dtype=torch.float64), dim=1)


def _levels(gray: np.ndarray, directions: torch.Tensor) -> list[torch.Tensor]:
    return [_quantiles(p, directions) for p in _laplacian(torch.from_numpy(np.ascontiguousarray(gray))[None])]


def _distance(made: list[torch.Tensor], reference: list[torch.Tensor]) -> float:
    return float(sum((p - q).abs().mean() / q.std() for p, q in zip(made, reference, strict=True)))


def _quantiles(picture: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    patches = picture[0].unfold(0, _PATCH, 2).unfold(1, _PATCH, 2).reshape(-1, _PATCH**2)
    ordered = (patches @ directions.T).sort(0).values
    return ordered[torch.linspace(0, len(ordered) - 1, 200).round().long()]
