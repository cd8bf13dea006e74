"""Everything a training draws from: painted frames, tracked guides, unpainted frames, pairs of frames in a row, held-out crops."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch

from ...core.color import from_float
from .examples import Batch, Example, FrameData, Sampler, Window, gather
from .features import Statistics, edges, id_numbers, planes
from .guides import Guides, make_layer
from .network import ShotNetwork
from .shot import color_of
from .tracking import Tracker

ROOM = 2**30
"""Bytes of guides and features in memory."""
PREVIEW_SIDE = 384
EXPLAINED = 0.03
"""Median error of the prediction, shaped colour, up to which an object's paint is taken to follow from its passes."""


@dataclasses.dataclass(frozen=True)
class Keyframe:
    """A painted frame.

    Attributes:
        number: Its frame.
        paint: ``(H, W, 3)`` float32 through the shaper.
        mask: ``(H, W)`` float32 in 0..1, 1 where it is painted.
    """

    number: int
    paint: np.ndarray
    mask: np.ndarray


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two frames in a row.

    Attributes:
        first: One frame.
        second: The next.
        at: ``(H, W, 2)`` float32, where the first frame's pixels are in the second.
        mask: ``(H, W)`` float32, 1 where that is seen and the render did not change either.
    """

    first: Example
    second: Example
    at: np.ndarray
    mask: np.ndarray

    def draw(self, sampler: Sampler, count: int) -> list[tuple[Window, Window]]:
        """Windows at full size that show the same in both frames."""
        height, width = self.mask.shape
        found = []
        for _ in range(count):
            drawn = sampler.window(self.first)
            side = sampler.side
            top, left = min(drawn.top, max(height - side, 0)), min(drawn.left, max(width - side, 0))
            middle = (min(top + side // 2, height - 1), min(left + side // 2, width - 1))
            shift = (0, 0)
            if self.mask[middle] > 0:
                shift = (round(float(self.at[middle][1]) - middle[0] - 0.5), round(float(self.at[middle][0]) - middle[1] - 0.5))
            there = Window(min(max(top + shift[0], 0), max(height - side, 0)), min(max(left + shift[1], 0), max(width - side, 0)), side)
            found.append((Window(top, left, side), there))
        return found

    def grid(self, crops: list[tuple[Window, Window]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """For ``grid_sample`` of the second frame's crops, and where that means something, ``(B, 1, side, side)``."""
        grids, masks = [], []
        for one, two in crops:
            rows, columns = slice(one.top, one.top + one.side), slice(one.left, one.left + one.side)
            at = (self.at[rows, columns] - np.array([two.left, two.top], np.float32)) / one.side * 2 - 1
            mask = self.mask[rows, columns] * (np.abs(at) < 1).all(-1)
            padding = [(0, one.side - mask.shape[0]), (0, one.side - mask.shape[1])]
            grids.append(np.pad(at, [*padding, (0, 0)]))
            masks.append(np.pad(mask, padding))
        return torch.from_numpy(np.stack(grids)).to(device), torch.from_numpy(np.stack(masks)[:, None].astype(np.float32)).to(device)


class Dataset:
    """See the module.

    Args:
        tracker: Of the shot.
        statistics: Of the shot.
        keyframes: By frame number; all of them are in the shot.
        side: Of a crop in pixels.
        seed: Of what is held out.
    """

    def __init__(self, tracker: Tracker, statistics: Statistics, keyframes: Mapping[int, Keyframe], side: int, seed: int) -> None:
        self.tracker, self.statistics, self.keyframes, self.side = tracker, statistics, dict(keyframes), side
        self._frames: dict[int, FrameData] = {}
        self._tracked: list[Example] = []
        self._moved: list[Example] = []
        self._plain: dict[int, torch.Tensor] = {}
        self._seed = seed
        self._unpainted: list[Example] = []
        self.pairs: list[Pair] = []
        self._guides: Guides | None = None
        self._held: list[tuple[int, Window]] = []
        self._weights = self._hold_out(seed)
        self._preview: Example | None = None

    # -- before there is a prediction ----------------------------------------------------------------------------------

    def frame(self, number: int) -> FrameData:
        """A frame's passes as the network sees them."""
        if number not in self._frames:
            frame = self.tracker.shot[number]
            border = edges(frame)[..., 0] > 0
            self._frames[number] = FrameData(
                number, planes(frame, self.statistics).half(), id_numbers(frame, self.statistics), torch.from_numpy(border)
            )
        return self._frames[number]

    def painted(self) -> list[Example]:
        """The keyframes without guides."""
        return [Example(self.frame(n), self._target(n), self._weights[n]) for n in sorted(self.keyframes)]

    def _target(self, number: int) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.keyframes[number].paint.transpose(2, 0, 1)))

    def _hold_out(self, seed: int) -> dict[int, torch.Tensor]:
        """Chooses squares that are not trained on, one or two of each keyframe, and gives what is left of each mask."""
        random, weights = np.random.default_rng(seed), {}
        for number, key in sorted(self.keyframes.items()):
            weight = (key.mask > 0.99).astype(np.float32)
            height, width = weight.shape
            side = min(self.side, min(height, width) // 4 // 4 * 4)
            painted = np.flatnonzero(weight)
            for _ in range(2 if len(painted) > 12 * side * side and side >= 8 else 0):
                place = int(painted[random.integers(len(painted))])
                top = min(max(place // width - side // 2, 0), height - side)
                left = min(max(place % width - side // 2, 0), width - side)
                if weight[top : top + side, left : left + side].mean() > 0.9:
                    self._held.append((number, Window(top, left, side)))
                    weight[top : top + side, left : left + side] = 0
            weights[number] = torch.from_numpy(weight)
        return weights

    # -- with a prediction ---------------------------------------------------------------------------------------------

    def track(self, predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], report: Callable[[str], None]) -> None:
        """Makes all guides, once the prediction is settled."""
        tracker, numbers = self.tracker, self.tracker.shot.numbers
        self._predict = predict
        height, width = tracker.shot.size
        each = height * width * 2 * (self.statistics.channels + 3 + 18)
        room = max(4, ROOM // each)
        layers = {}
        for number, key in self.keyframes.items():
            data = self._predicted(number)
            assert data.predicted is not None
            border = edges(tracker.shot[number])[..., 0]
            layers[number] = make_layer(number, key.paint, data.predicted.float().permute(1, 2, 0).numpy(), border, key.mask)
        guides, random = Guides(tracker, layers), np.random.default_rng(self._seed)
        self._guides = guides
        count = len(self.keyframes)
        trips = max(1, min(6 if count == 1 else 3, room // 2 // max(count, 1) - 1))
        for number in sorted(self.keyframes):
            report(f"tracking the paint of frame {number}")
            data, target, weight = self._predicted(number), self._target(number), self._weights[number]
            added = []
            if count > 1:
                added.append(guides.guide(number, without=number))
            for via in self._spread([n for n in numbers if n not in self.keyframes] or [n for n in numbers if n != number], number, trips):
                trip = guides.round_trip(number, via).transpose(2, 0, 1)
                other = np.zeros_like(trip)
                if count > 1:  # as between two keyframes: its own paint, and another's
                    loo = added[0]
                    first, second = loo[: len(trip)], loo[len(trip) :]
                    other = np.where(first[6:7] > 0, first, second)
                added.append(np.concatenate([trip, other]))
            self._tracked += [Example(data, target, weight, torch.from_numpy(np.ascontiguousarray(g)).half()) for g in added]
            self._plain[number] = torch.from_numpy(self._explained(number))
            plain = weight * self._plain[number]
            for _ in range(max(1, trips // 2)):
                moved = guides.displaced(number, random).transpose(2, 0, 1)
                both = np.ascontiguousarray(np.concatenate([moved, np.zeros_like(moved)]))
                self._moved.append(Example(data, target, plain, torch.from_numpy(both).half()))
        self._track_unpainted(guides, [n for n in numbers if n not in self.keyframes], max(1, min(5, room // 4)), report)

    def _track_unpainted(self, guides: Guides, numbers: list[int], most: int, report: Callable[[str], None]) -> None:
        tracker = self.tracker
        chosen = [numbers[i] for i in np.unique(np.linspace(0, len(numbers) - 1, most + 2)[1:-1].round().astype(int))] if numbers else []
        for number in chosen:
            report(f"tracking to frame {number}")
            first = self._example(number)
            self._unpainted.append(first)
            near = number + 1 if number + 1 in tracker.shot else number - 1
            if near not in tracker.shot or not tracker.able:
                continue
            places = tracker.places(number, near)
            there, _ = tracker.warp(color_of(tracker.shot[near]), number, near)
            here = color_of(tracker.shot[number])
            change = np.abs(there - here).mean(-1) / (0.05 + np.abs(here).mean(-1))
            mask = places.seen * np.clip(1.5 - 5 * change, 0, 1).astype(np.float32)
            self.pairs.append(Pair(first, self._example(near), places.at, mask))

    def _example(self, number: int) -> Example:
        assert self._guides is not None
        data = self._predicted(number)
        return Example(data, None, torch.ones(data.ids.shape), torch.from_numpy(self._guides.guide(number)).half())

    def _predicted(self, number: int) -> FrameData:
        data = self.frame(number)
        if data.predicted is None:
            data = self._frames[number] = dataclasses.replace(data, predicted=self._predict(data.features, data.ids).half())
        return data

    def _explained(self, number: int) -> np.ndarray:
        """``(H, W)`` float32, 1 on objects whose paint follows from the passes: the look's prediction is right nearly everywhere."""
        data, key = self._predicted(number), self.keyframes[number]
        assert data.predicted is not None
        off = np.abs(data.predicted.float().permute(1, 2, 0).numpy() - key.paint).mean(-1)
        result = np.zeros(off.shape, np.float32)
        ids = self.tracker.ids(number)
        for name in np.unique(ids):
            mine = (ids == name) & (key.mask > 0.99)
            result[ids == name] = float(mine.any() and np.median(off[mine]) < EXPLAINED)
        return result

    @staticmethod
    def _spread(numbers: list[int], key: int, count: int) -> list[int]:
        """Frames near and far from a keyframe."""
        ordered = sorted(numbers, key=lambda n: (abs(n - key), n))
        parts = np.linspace(0, 1, count + 1)[1:] ** 1.5
        return [ordered[i] for i in sorted({round(float(p) * (len(ordered) - 1)) for p in parts})] if ordered else []

    def tracked(self) -> list[Example]:
        """Painted frames with guides from elsewhere."""
        return self._tracked + [e for e in self._moved if float(e.weight.sum()) > 0]

    def unpainted(self) -> list[Example]:
        """Unpainted frames with guides."""
        return self._unpainted

    def held_out(self, device: torch.device) -> Iterator[Batch]:
        """The crops that are kept out of training, with guides once there are some."""
        for number, window in self._held:
            whole = torch.from_numpy((self.keyframes[number].mask > 0.99).astype(np.float32))
            if self._tracked:
                for example in self._tracked:
                    if example.frame.number == number:
                        yield gather([(dataclasses.replace(example, weight=whole), window)], device)
                explained = whole * self._plain[number]
                for example in self._moved:
                    if example.frame.number == number:
                        yield gather([(dataclasses.replace(example, weight=explained), window)], device)
            else:
                yield gather([(Example(self.frame(number), self._target(number), whole), window)], device)

    def preview(self, network: ShotNetwork, half: bool | None, device: torch.device) -> np.ndarray:
        """A small picture of an unpainted frame, ``(h, w, 3)`` uint8; ``half`` None shows the prediction alone."""
        numbers = [n for n in self.tracker.shot.numbers if n not in self.keyframes] or self.tracker.shot.numbers
        number = numbers[len(numbers) // 2]
        data = self.frame(number)
        height, width = data.ids.shape
        step = max(1, -(-max(height, width) // PREVIEW_SIDE))
        top, left = height - height % (4 * step), width - width % (4 * step)
        features = torch.nn.functional.avg_pool2d(data.features[None, :, :top, :left].float(), step).to(device)
        ids = data.ids[None, :top:step, :left:step].to(device)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bool(half)):
            picture = network.predict(features, ids).float()
            if half is not None:
                if self._preview is None or self._preview.frame.number != number:
                    self._preview = next((e for e in self._unpainted if e.frame.number == number), None) or self._example(number)
                assert self._preview.guides is not None
                guides = self._preview.guides[None, :, :top:step, :left:step].float().to(device)
                picture = network(features, ids, picture, guides).float()
        return from_float(picture[0].permute(1, 2, 0).cpu().numpy(), np.uint8)
