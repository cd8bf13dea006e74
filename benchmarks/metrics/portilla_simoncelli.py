"""Texture statistics of Portilla and Simoncelli (IJCV 40, 2000, section 3), and the typical crop's distance built on them."""

from __future__ import annotations

import math

import numpy as np
import torch

from ...backend.core.color_spaces import LUMINANCE

SCALES, ORIENTATIONS, NEIGHBOURHOOD = 4, 4, 7
CROP = 128
"""Side of the crops in pixels, as in the target that was set for this measure."""


def luminance(pixels: np.ndarray) -> np.ndarray:
    """``(H, W, C)`` of any storage type to ``(H, W)`` float64 in 0..1, Rec.709 weights on the encoded values."""
    values = pixels.astype(np.float64)
    if np.issubdtype(pixels.dtype, np.integer):
        values /= np.iinfo(pixels.dtype).max
    if values.ndim == 2:
        return values
    return values[..., 0] if values.shape[2] < 3 else values[..., :3] @ np.array(LUMINANCE)


def _grid(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    f = torch.fft.fftshift(torch.fft.fftfreq(size, dtype=torch.float64)) * 2
    radius = torch.sqrt(f[:, None] ** 2 + f[None] ** 2)
    radius[size // 2, size // 2] = radius[size // 2, size // 2 - 1]
    return torch.log2(radius), torch.atan2(f[:, None].expand(size, size), f[None].expand(size, size))


def _low(log_radius: torch.Tensor, edge: float) -> torch.Tensor:
    """Raised cosine over one octave: 1 below ``edge`` - 1, 0 above ``edge`` (log2 of the frequency, Nyquist = 0)."""
    return torch.cos(math.pi / 2 * (log_radius - (edge - 1)).clamp(0, 1))


def _high(log_radius: torch.Tensor, edge: float) -> torch.Tensor:
    return torch.sin(math.pi / 2 * (log_radius - (edge - 1)).clamp(0, 1))


def _moments(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Variance, skewness and kurtosis over the last two dimensions."""
    d = x - x.mean((-2, -1), keepdim=True)
    var = (d**2).mean((-2, -1))
    safe = var.clamp_min(1e-12)
    return var, (d**3).mean((-2, -1)) / safe**1.5, (d**4).mean((-2, -1)) / safe**2


def _autocorrelation(x: torch.Tensor) -> torch.Tensor:
    """Central circular autocovariances ``(B, n)``, one of each pair that symmetry makes equal."""
    x = x - x.mean((-2, -1), keepdim=True)
    ac = torch.fft.fftshift(torch.fft.ifft2(torch.fft.fft2(x).abs() ** 2).real, dim=(-2, -1)) / (x.shape[-1] * x.shape[-2])
    c, r = x.shape[-1] // 2, min(NEIGHBOURHOOD // 2, x.shape[-1] // 4)
    return ac[:, c - r : c + r + 1, c - r : c + r + 1].flatten(1)[:, : ((2 * r + 1) ** 2 + 1) // 2]


def _cross(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Correlation of all pairs of bands, ``(B, m, h, w)`` and ``(B, n, h, w)`` to ``(B, m * n)``."""
    a, b = (t.flatten(2) - t.flatten(2).mean(2, keepdim=True) for t in (a, b))
    a, b = (t / t.norm(dim=2, keepdim=True).clamp_min(1e-9) for t in (a, b))
    return (a @ b.transpose(1, 2)).flatten(1)


def _expand(spectrum: torch.Tensor) -> torch.Tensor:
    """Doubles the size of a centred spectrum by zero padding; values keep their scale."""
    n = spectrum.shape[-1]
    return torch.nn.functional.pad(spectrum, (n // 2,) * 4) * 4


def statistics(crops: torch.Tensor) -> torch.Tensor:
    """The statistics of each crop.

    Complex steerable pyramid with 4 scales and 4 orientations. Marginals of the pixels and of the low-pass pictures, autocorrelation of
    low-pass pictures and of subband magnitudes, correlations of magnitudes between orientations and scales, and of real parts with the
    phase-doubled parents. Autocovariances and variances enter as logarithm (the first) or ratio to it (the rest).

    Long: the groups of statistics in the paper's order.

    Args:
        crops: ``(B, N, N)`` float64 in 0..1, N a multiple of 64.

    Returns:
        ``(B, S)`` float64.
    """
    size = crops.shape[-1]
    spectrum = torch.fft.fftshift(torch.fft.fft2(crops), dim=(-2, -1))
    log_radius, angle = _grid(size)
    out: list[torch.Tensor] = []

    def add(t: torch.Tensor) -> None:
        out.append(t if t.ndim == 2 else t[:, None])

    def add_covariances(ac: torch.Tensor) -> None:
        var = ac[:, -1:].clamp_min(1e-12)
        add(torch.log(var))
        add(ac[:, :-1] / var)

    var, skew, kurtosis = _moments(crops)
    add(crops.mean((-2, -1)))
    add(torch.log(var.clamp_min(1e-12)))
    add(skew)
    add(kurtosis)
    highpass = torch.fft.ifft2(torch.fft.ifftshift(spectrum * _high(log_radius, 0.0), dim=(-2, -1))).real
    add(torch.log((highpass**2).mean((-2, -1)).clamp_min(1e-12)))
    low = spectrum * _low(log_radius, 0.0)
    norm = math.sqrt(
        2.0 ** (2 * (ORIENTATIONS - 1)) * math.factorial(ORIENTATIONS - 1) ** 2 / (ORIENTATIONS * math.factorial(2 * (ORIENTATIONS - 1)))
    )
    bands: list[torch.Tensor] = []
    lows: list[torch.Tensor] = []
    for _ in range(SCALES):
        log_radius, angle = _grid(low.shape[-1])
        high = _high(log_radius, -1.0)
        oriented = []
        for k in range(ORIENTATIONS):
            turned = torch.remainder(angle - math.pi * k / ORIENTATIONS + math.pi, 2 * math.pi) - math.pi
            wedge = 2 * norm * torch.cos(turned) ** (ORIENTATIONS - 1) * (turned.abs() < math.pi / 2)
            oriented.append(torch.fft.ifft2(torch.fft.ifftshift(low * high * wedge * (-1j) ** (ORIENTATIONS - 1), dim=(-2, -1))))
        bands.append(torch.stack(oriented, 1))
        low = low * _low(log_radius, -1.0)
        n = low.shape[-1]
        low = low[..., n // 4 : n // 4 + n // 2, n // 4 : n // 4 + n // 2] / 4
        lows.append(torch.fft.ifft2(torch.fft.ifftshift(low, dim=(-2, -1))).real)
    for x in lows:
        _, skew, kurtosis = _moments(x)
        add(skew)
        add(kurtosis)
        add_covariances(_autocorrelation(x))
    magnitudes = [b.abs() for b in bands]
    pairs = torch.triu_indices(ORIENTATIONS, ORIENTATIONS, 1)
    for scale, magnitude in enumerate(magnitudes):
        add(torch.log(magnitude.mean((-2, -1)).clamp_min(1e-9)))
        for k in range(ORIENTATIONS):
            add_covariances(_autocorrelation(magnitude[:, k]))
        same = _cross(magnitude, magnitude).view(-1, ORIENTATIONS, ORIENTATIONS)
        add(same[:, pairs[0], pairs[1]])
        if scale + 1 < SCALES:
            parent = bands[scale + 1]
            wide = torch.fft.ifft2(torch.fft.ifftshift(_expand(torch.fft.fftshift(torch.fft.fft2(parent), dim=(-2, -1))), dim=(-2, -1)))
            add(_cross(magnitude, wide.abs()))
            doubled = wide**2 / wide.abs().clamp_min(1e-9)
            add(_cross(bands[scale].real, torch.cat([doubled.real, doubled.imag], 1)))
    return torch.cat(out, 1)


def crops_of(picture: np.ndarray, stride: int) -> torch.Tensor:
    """All ``CROP`` px crops of an ``(H, W)`` picture at a stride, ``(B, CROP, CROP)`` float64."""
    height, width = picture.shape
    return torch.stack(
        [
            torch.from_numpy(np.ascontiguousarray(picture[y : y + CROP, x : x + CROP])).double()
            for y in range(0, height - CROP + 1, stride)
            for x in range(0, width - CROP + 1, stride)
        ]
    )


def crop_distances(generated: np.ndarray, exemplar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RMS z-scores of the statistics of generated crops and of the exemplar's own.

    Every statistic is standardised by mean and deviation over the exemplar's crops; z-scores are clipped at 20, so that one
    statistic that hardly varies in the exemplar cannot decide alone.

    Args:
        generated: ``(H, W[, C])``, at least ``CROP`` px on each side.
        exemplar: The same.

    Returns:
        Distances of the generated crops and of the real crops.
    """
    real = statistics(crops_of(luminance(exemplar), CROP // 2))
    made = statistics(crops_of(luminance(generated), CROP // 4 if min(generated.shape[:2]) <= 2 * CROP else CROP // 2))
    mean, deviation = real.mean(0), real.std(0)
    keep = deviation > 1e-6

    def distance(s: torch.Tensor) -> np.ndarray:
        z = ((s - mean)[:, keep] / deviation[keep]).clamp(-20, 20)
        return z.square().mean(1).sqrt().numpy()

    return distance(made), distance(real)


def typical_crop_ratio(generated: np.ndarray, exemplar: np.ndarray) -> float:
    """Median distance of the generated crops over median distance of the real crops: 1 is a real crop, larger is worse."""
    made, real = crop_distances(generated, exemplar)
    return float(np.median(made) / np.median(real))
