"""Frames of a trained shot, in any order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from .features import edges, id_numbers, planes
from .guides import Guides, make_layer
from .model import ShotModel
from .tracking import Tracker
from .training import halves_pay

TILE = 512
"""Side of a tile in pixels, a multiple of 4."""
MARGIN = 32
"""Pixels around a tile that the network sees beside it: more than it can look, so that tiles do not show."""


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

    def render(self, number: int, check: Callable[[], None] | None = None) -> tuple[np.ndarray, float]:
        """One frame.

        Args:
            number: A frame of the shot.
            check: Called between tiles; may raise to cancel.

        Returns:
            ``(H, W, 3)`` float32 through the shaper, and the share of pixels that tracked paint was found for.
        """
        prepared = self.prepare(number, check)
        guides = prepared[2]
        seen = float(torch.maximum(guides[:, 6], guides[:, guides.shape[1] // 2 + 6]).mean())
        return self.paint(prepared, check), seen

    def prepare(self, number: int, check: Callable[[], None] | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What the network is given for a frame: features ``(1, C, H, W)``, ids ``(1, H, W)``, guides ``(1, SLOTS * GUIDE, H, W)``."""
        return (*self._passes(number), torch.from_numpy(self.guides(check).guide(number))[None])

    def paint(self, prepared: tuple[torch.Tensor, torch.Tensor, torch.Tensor], check: Callable[[], None] | None = None) -> np.ndarray:
        """The network's part: ``(H, W, 3)`` float32 through the shaper."""
        picture = self._tiles(prepared, lambda f, i, g: self.network(f, i, self.network.predict(f, i), g), check)
        return picture[0].permute(1, 2, 0).numpy()

    def predict(self, number: int, check: Callable[[], None] | None = None) -> np.ndarray:
        """What the look makes of a frame's passes alone, without tracked paint: ``(H, W, 3)`` float32 through the shaper."""
        return self._tiles(self._passes(number), self.network.predict, check)[0].permute(1, 2, 0).numpy()

    def guides(self, check: Callable[[], None] | None = None) -> Guides:
        """The guides, whose keyframes are prepared at the first call."""
        if self._guides is None:
            layers = {}
            for number, key in self.model.keyframes.items():
                if number in self.tracker.shot:
                    border = edges(self.tracker.shot[number])[..., 0]
                    layers[number] = make_layer(number, key.paint, self.predict(number, check), border, key.mask)
            self._guides = Guides(self.tracker, layers)
        return self._guides

    def _passes(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        frame = self.tracker.shot[number]
        return planes(frame, self.model.statistics)[None], id_numbers(frame, self.model.statistics)[None]

    def _tiles(
        self, tensors: tuple[torch.Tensor, ...], make: Callable[..., torch.Tensor], check: Callable[[], None] | None
    ) -> torch.Tensor:
        """Runs ``make`` on overlapping tiles of ``(1, C, H, W)`` or ``(1, H, W)`` tensors."""
        height, width = tensors[0].shape[2:]
        bottom, right = -height % 4, -width % 4
        out = torch.empty(1, 3, height, width)
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
