"""Frames of a trained shot, in any order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from ...core.devices import halves_pay
from .confidence import invention, look_errors, support
from .features import edges, id_numbers, planes
from .guides import Guides, make_layer
from .model import ShotModel
from .tracking import Tracker

TILE = 512
"""Side of a tile in pixels, a multiple of 4."""
MARGIN = 32
"""Pixels around a tile that the network sees next to it: more than it can look, so that tiles do not show."""


Prepared = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""What is known of a frame before the network sees it."""


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A frame.

    Attributes:
        picture: ``(H, W, 3)`` float32 through the shaper.
        confidence: ``(H, W)`` float32 in 0..1, how well each pixel is supported by what was painted (``confidence.py``).
        tracked: Share of pixels that tracked paint was found for.
    """

    picture: np.ndarray
    confidence: np.ndarray
    tracked: float


class Renderer:
    """Renders frames of a shot.

    Args:
        tracker: Of the shot.
        model: Trained on it.
        device: Where the network runs.
        tile: Side of a tile in pixels, a multiple of 4.
    """

    def __init__(self, tracker: Tracker, model: ShotModel, device: torch.device, tile: int = TILE) -> None:
        self.tracker, self.model, self.device, self.tile = tracker, model, device, tile
        self.network = model.network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.half = halves_pay(device)
        self.untracked = [n for n in sorted(model.keyframes) if n not in tracker.shot]
        self._guides: Guides | None = None
        self._errors: dict[int, float] = {}

    def render(self, number: int, check: Callable[[], None] | None = None) -> Rendered:
        """One frame.

        Args:
            number: A frame of the shot.
            check: Called between tiles; may raise to cancel.
        """
        prepared = self.prepare(number, check)
        guides = prepared[2]
        seen = float(torch.maximum(guides[:, 6], guides[:, guides.shape[1] // 2 + 6]).mean())
        return Rendered(*self.paint(prepared, check), seen)

    def prepare(self, number: int, check: Callable[[], None] | None = None) -> Prepared:
        """What is known of a frame.

        Returns:
            Features ``(1, C, H, W)``, ids ``(1, H, W)``, guides ``(1, SLOTS * GUIDE, H, W)``, and how far what the look invents may lie
            from paint ``(1, 1, H, W)``.
        """
        guide = torch.from_numpy(self.guides(check).guide(number))[None]
        invented = torch.from_numpy(invention(self.tracker.ids(number), self._errors))[None, None]
        return (*self._passes(number), guide, invented)

    def paint(self, prepared: Prepared, check: Callable[[], None] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The network's part: ``(H, W, 3)`` float32 through the shaper, and confidence ``(H, W)`` float32."""

        def make(features: torch.Tensor, ids: torch.Tensor, guides: torch.Tensor, invented: torch.Tensor) -> torch.Tensor:
            predicted = self.network.predict(features, ids)
            weighed = self.network.weigh(features, ids, predicted, guides)
            return torch.cat([weighed[0], support(weighed, predicted, guides, invented)], 1)

        made = self._tiles(prepared, make, 4, check)[0].permute(1, 2, 0).numpy()
        return np.ascontiguousarray(made[..., :3]), np.ascontiguousarray(made[..., 3])

    def predict(self, number: int, check: Callable[[], None] | None = None) -> np.ndarray:
        """What the look makes of a frame's passes alone, without tracked paint: ``(H, W, 3)`` float32 through the shaper."""
        return self._tiles(self._passes(number), self.network.predict, 3, check)[0].permute(1, 2, 0).numpy()

    def guides(self, check: Callable[[], None] | None = None) -> Guides:
        """The guides, whose keyframes are prepared at the first call."""
        if self._guides is None:
            layers = {}
            for number, key in self.model.keyframes.items():
                if number in self.tracker.shot:
                    border = edges(self.tracker.shot[number])[..., 0]
                    layers[number] = make_layer(number, key.paint, self.predict(number, check), border, key.mask)
            self._guides, self._errors = Guides(self.tracker, layers), look_errors(layers, self.tracker.ids)
        return self._guides

    def _passes(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        frame = self.tracker.shot[number]
        return planes(frame, self.model.statistics)[None], id_numbers(frame, self.model.statistics)[None]

    def _tiles(
        self, tensors: tuple[torch.Tensor, ...], make: Callable[..., torch.Tensor], count: int, check: Callable[[], None] | None
    ) -> torch.Tensor:
        """Runs ``make`` on overlapping tiles of ``(1, C, H, W)`` or ``(1, H, W)`` tensors; it gives ``count`` planes."""
        height, width = tensors[0].shape[2:]
        bottom, right = -height % 4, -width % 4
        out = torch.empty(1, count, height, width)
        for top in range(0, height, self.tile):
            for left in range(0, width, self.tile):
                if check is not None:
                    check()
                rows = slice(max(top - MARGIN, 0), min(top + self.tile + MARGIN, height))
                columns = slice(max(left - MARGIN, 0), min(left + self.tile + MARGIN, width))
                pad = (0, right if columns.stop == width else 0, 0, bottom if rows.stop == height else 0)
                parts = [_padded(t[..., rows, columns], pad).to(self.device) for t in tensors]
                with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                    made = make(*parts).float().cpu()
                inner = (slice(top - rows.start, min(top + self.tile, height) - rows.start),
                         slice(left - columns.start, min(left + self.tile, width) - columns.start))  # fmt: skip
                out[..., top : top + self.tile, left : left + self.tile] = made[..., inner[0], inner[1]]
        return out


def _padded(part: torch.Tensor, pad: tuple[int, int, int, int]) -> torch.Tensor:
    if not any(pad):
        return part.contiguous(memory_format=torch.channels_last) if part.dim() == 4 else part
    if part.dim() == 4:
        return F.pad(part, pad, mode="replicate").contiguous(memory_format=torch.channels_last)
    return F.pad(part[:, None].float(), pad, mode="replicate")[:, 0].long()
