"""Crops to train on: painted frames with their truth, and unpainted ones that shall look like them."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F

HALF_SHARE = 1 / 3
"""Crops that come from half resolution, so that a surface that comes nearer or goes away keeps its look."""
EDGE_SHARE = 1 / 3
"""Crops around a silhouette."""


@dataclasses.dataclass(frozen=True)
class FrameData:
    """What the network sees of a frame.

    Attributes:
        number: Of the frame.
        features: ``(C, H, W)`` half or float.
        ids: ``(H, W)`` int64, as ``features.id_numbers`` gives them.
        border: ``(H, W)`` bool, pixels at silhouettes.
        predicted: ``(3, H, W)``, the look's prediction, or None before there is one.
    """

    number: int
    features: torch.Tensor
    ids: torch.Tensor
    border: torch.Tensor
    predicted: torch.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Example:
    """A frame with guides and, if it is painted, with its truth.

    Attributes:
        frame: Passes.
        target: ``(3, H, W)`` shaped paint, or None.
        weight: ``(H, W)`` float, 1 where the paint counts (for an unpainted frame: where crops may lie).
        guides: ``(SLOTS * GUIDE, H, W)``, or None while only the prediction is trained.
    """

    frame: FrameData
    target: torch.Tensor | None
    weight: torch.Tensor
    guides: torch.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Window:
    """Where a crop is: upper left corner in pixels, side, and 2 if it is brought to half size."""

    top: int
    left: int
    side: int
    step: int = 1


class Sampler:
    """Draws windows, even over objects however small they are.

    Args:
        side: Of the crops that come out, a multiple of 4.
        random: Where chance comes from.
    """

    def __init__(self, side: int, random: torch.Generator) -> None:
        self.side, self.random = side, random
        # With the example itself: were it gone, the next one might have its id.
        self._places: dict[int, tuple[Example, list[np.ndarray], np.ndarray]] = {}

    def window(self, example: Example) -> Window:
        """A window around a pixel of the example that counts."""
        height, width = example.weight.shape
        step = 2 if self._chance() < HALF_SHARE and min(height, width) >= 2 * self.side else 1
        key = id(example)
        if key not in self._places:
            self._places[key] = (example, *self._index(example))
        _, by_object, border = self._places[key]
        if len(border) and self._chance() < EDGE_SHARE:
            places = border
        else:
            places = by_object[min(int(self._chance() * len(by_object)), len(by_object) - 1)]
        centre = int(places[min(int(self._chance() * len(places)), len(places) - 1)])
        side = self.side * step
        jitter = int((self._chance() - 0.5) * side * 0.5), int((self._chance() - 0.5) * side * 0.5)
        top = min(max(centre // width - side // 2 + jitter[0], 0), max(height - side, 0))
        left = min(max(centre % width - side // 2 + jitter[1], 0), max(width - side, 0))
        return Window(top, left, side, step)

    def _chance(self) -> float:
        return float(torch.rand((), generator=self.random))

    def _index(self, example: Example) -> tuple[list[np.ndarray], np.ndarray]:
        counts = (example.weight > 0.5).cpu().numpy()
        ids, border = example.frame.ids.cpu().numpy(), example.frame.border.cpu().numpy()
        by_object = [np.flatnonzero((ids == name) & counts) for name in np.unique(ids[counts])]
        return by_object, np.flatnonzero(border & counts)


def cut(planes: torch.Tensor, window: Window) -> torch.Tensor:
    """``(C, H, W)`` to ``(C, side, side)``, float32; beyond the picture the last row and column go on."""
    part = planes[:, window.top : window.top + window.side, window.left : window.left + window.side].float()
    if window.step > 1:
        part = F.avg_pool2d(part[None], window.step)[0]
    side = window.side // window.step
    if part.shape[1] < side or part.shape[2] < side:
        part = F.pad(part[None], (0, side - part.shape[2], 0, side - part.shape[1]), mode="replicate")[0]
    return part


def cut_ids(ids: torch.Tensor, window: Window) -> torch.Tensor:
    """``(H, W)`` int64 to ``(side, side)``."""
    part = ids[window.top : window.top + window.side : window.step, window.left : window.left + window.side : window.step]
    side = window.side // window.step
    if part.shape[0] < side or part.shape[1] < side:
        part = F.pad(part[None, None].float(), (0, side - part.shape[1], 0, side - part.shape[0]), mode="replicate")[0, 0].long()
    return part


@dataclasses.dataclass(frozen=True)
class Batch:
    """Crops on the device, ``(B, C, side, side)`` each; ``target`` and ``weight`` are None for unpainted frames."""

    features: torch.Tensor
    ids: torch.Tensor
    predicted: torch.Tensor | None
    guides: torch.Tensor | None
    target: torch.Tensor | None
    weight: torch.Tensor | None

    def beside(self, other: Batch) -> Batch:
        """Both, one after the other, without truth."""
        both = [torch.cat([a, b]) for a, b in ((self.features, other.features), (self.ids, other.ids))]
        guesses = None if self.predicted is None or other.predicted is None else torch.cat([self.predicted, other.predicted])
        guides = None if self.guides is None or other.guides is None else torch.cat([self.guides, other.guides])
        return Batch(both[0], both[1], guesses, guides, None, None)


def gather(chosen: list[tuple[Example, Window]], device: torch.device) -> Batch:
    """Crops of several examples."""

    def stack(parts: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack(parts).to(device).contiguous(memory_format=torch.channels_last)

    first, examples = chosen[0][0], [e for e, _ in chosen]

    def optional(planes: list[torch.Tensor | None]) -> list[torch.Tensor] | None:
        whole = [p for p in planes if p is not None]
        return [cut(p, w) for p, (_, w) in zip(whole, chosen, strict=True)] if whole else None

    predicted = optional([e.frame.predicted for e in examples])
    target = optional([e.target for e in examples])
    guides = [cut_guides(e.guides, w) for e, w in chosen if e.guides is not None]
    return Batch(
        stack([cut(e.frame.features, w) for e, w in chosen]),
        torch.stack([cut_ids(e.frame.ids, w) for e, w in chosen]).to(device),
        None if predicted is None else stack(predicted),
        stack(guides) if first.guides is not None else None,
        None if target is None else stack(target),
        None if target is None else stack([(cut(e.weight[None], w) > 0.99).float() for e, w in chosen]),
    )


def cut_guides(guides: torch.Tensor, window: Window) -> torch.Tensor:
    """As ``cut``; at half size a pixel counts as seen if all four are, which keeps the unseen ones' zeros out of the paint."""
    part = cut(guides, window)
    if window.step == 1:
        return part
    for slot in part.split(len(part) // 2):
        seen = (slot[6:7] > 0.99).float()
        slot *= seen
        slot[6:7] = seen
    return part
