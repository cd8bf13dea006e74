"""Colours for surface that the picture hides, copied in patches from visible surface at about the same distance.

Coarse to fine: on each level every hidden pixel looks for the visible patch that continues its surroundings best (random search and
propagation as in PatchMatch, C. Barnes et al., 2009, all pixels at once), and takes the average of what the patches around it say
(Y. Wexler et al., "Space-time completion of video", 2007). Torch on any device; the same seed on the same device gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from ...core.morphology import dilate, erode

_PATCH = 3
"""Half the side of a patch, less the middle pixel: 7 x 7."""
_ALIKE = 0.25
"""Largest difference of log disparity between a hidden pixel and where it copies from, and within its patch."""
_SAME = 0.08
"""Largest difference of log disparity between neighbours of one hidden surface, a few pixels apart."""
_CHUNK = 1 << 14
SEARCHED = 384
"""Longest side up to which patches are searched for; above, what was found is copied pixel for pixel."""


def inpaint(
    color: torch.Tensor,
    disparity: torch.Tensor,
    source: torch.Tensor,
    hidden: torch.Tensor,
    behind: torch.Tensor,
    generator: torch.Generator,
    progress: Callable[[float], None] = lambda _: None,
) -> torch.Tensor:
    """Paints the hidden pixels.

    Args:
        color: ``(C, H, W)`` float32, display-like encoding.
        disparity: ``(H, W)`` float32 of the picture.
        source: ``(H, W)`` bool, visible pixels that may be copied.
        hidden: ``(H, W)`` bool, pixels to paint.
        behind: ``(H, W)`` float32, disparity of the hidden surface; of the picture elsewhere.
        generator: On the CPU, so that the same numbers come on every device.
        progress: Told the fraction that is done.

    Returns:
        ``(C, H, W)``: the colours given, but for the hidden pixels.
    """
    if not bool(hidden.any()) or not bool(source.any()):
        return color
    levels = _levels(color, disparity, source, hidden, behind)[::-1]
    painted: torch.Tensor | None = None
    match: torch.Tensor | None = None
    for number, level in enumerate(levels):
        work = _Level(*level)
        first, last = painted is None, number == len(levels) - 1
        canvas = work.start() if painted is None else _grown(painted, work)
        match = None if match is None else _grown_match(match, work)
        if not first and max(work.hidden.shape) > SEARCHED:  # finer levels copy the fine pixels of what was found
            rounds, sweeps = 1, 0
        else:
            rounds, sweeps = (5, 4) if first else (2, 1)
        for step in range(rounds):
            match = work.search(canvas, match, generator, sweeps)
            canvas = work.vote(canvas, match, sharp=last and step == rounds - 1)
            progress((number + (step + 1) / rounds) / len(levels))
        painted = canvas
    assert painted is not None
    return torch.where(hidden, painted, color)


Stack = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def _levels(color: torch.Tensor, disparity: torch.Tensor, source: torch.Tensor, hidden: torch.Tensor, behind: torch.Tensor) -> list[Stack]:
    """Halved until the hidden strips are a few pixels wide or the picture is small."""
    levels = [(color, torch.log(disparity.clamp(min=1e-12)), source, hidden, torch.log(behind.clamp(min=1e-12)))]
    while min(levels[-1][0].shape[1:]) >= 48 and len(levels) < 6 and _thickness(levels[-1][3]) > 4:
        c, d, s, h, b = levels[-1]
        share = F.avg_pool2d(s[None, None].float(), 2)[0]
        weight = s.float()[None]
        small = F.avg_pool2d(c[None] * weight, 2)[0] / share.clamp(min=1e-6)
        covered = F.max_pool2d(h[None, None].float(), 2)[0, 0] > 0
        inside = h.float()
        deep = F.avg_pool2d((b * inside)[None, None], 2)[0, 0] / F.avg_pool2d(inside[None, None], 2)[0, 0].clamp(min=1e-6)
        seen = F.avg_pool2d((d * s)[None, None], 2)[0, 0] / share[0].clamp(min=1e-6)
        plain = F.avg_pool2d(d[None, None], 2)[0, 0]
        usable = share[0] >= 0.99
        levels.append((small, torch.where(usable, seen, plain), usable, covered, torch.where(covered, deep, plain)))
    return levels


def _thickness(mask: torch.Tensor) -> int:
    """About how many pixels it takes to erode a mask away."""
    count, left = 0, mask
    while bool(left.any()) and count < 64:
        left = erode(left, 1)
        count += 1
    return count


def _grown(small: torch.Tensor, work: _Level) -> torch.Tensor:
    big = F.interpolate(small[None], size=tuple(work.color.shape[1:]), mode="bilinear", align_corners=False)[0]
    return torch.where(work.hidden, big, work.color)


def _grown_match(match: torch.Tensor, work: _Level) -> torch.Tensor:
    height, width = work.hidden.shape
    big = match.repeat_interleave(2, 0).repeat_interleave(2, 1) * 2
    big = big[:height, :width]
    pad = (0, 0, 0, width - big.shape[1], 0, height - big.shape[0])
    big = F.pad(big.permute(2, 0, 1)[None].float(), pad[2:], mode="replicate")[0].permute(1, 2, 0).long() if any(pad) else big
    offset = torch.stack(torch.meshgrid(torch.arange(height) % 2, torch.arange(width) % 2, indexing="ij"), -1)
    limit = torch.tensor([height - 1, width - 1], device=big.device)
    return torch.minimum(big + offset.to(big.device), limit)


class _Level:
    """One resolution. Matches are ``(H, W, 2)`` int64, row and column of the source pixel; only hidden pixels' count."""

    def __init__(self, color: torch.Tensor, log_d: torch.Tensor, source: torch.Tensor, hidden: torch.Tensor, log_b: torch.Tensor) -> None:
        self.color, self.log_d, self.hidden, self.log_b = color, log_d, hidden, log_b
        self.source = source & ~hidden if bool((source & ~hidden).any()) else source
        self.height, self.width = hidden.shape
        self.device = color.device
        p = _PATCH
        self.y, self.x = torch.nonzero(hidden, as_tuple=True)
        # A patch may be copied if all of it is visible surface in one piece.
        whole = erode(self.source, p) & (dilate(log_d, p) - erode(log_d, p) < 2 * _ALIKE)
        whole[:p], whole[-p:], whole[:, :p], whole[:, -p:] = False, False, False, False
        if not bool(whole.any()):
            whole = self.source.clone()
        self.whole = whole
        self.pool = torch.nonzero(whole)
        order = torch.argsort(log_d[whole])
        self.pool = self.pool[order]
        self.pool_d = log_d[self.pool[:, 0], self.pool[:, 1]].contiguous()
        d, span = torch.arange(-p, p + 1, device=self.device), 2 * p + 1
        self.dy, self.dx = d.repeat_interleave(span), d.repeat(span)
        # What belongs to the hidden surface around each hidden pixel: hidden pixels, and visible ones at its distance.
        self.around = self._gather_support()

    def _clip(self, y: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return y.clamp(0, self.height - 1), x.clamp(0, self.width - 1)

    def _gather_support(self) -> torch.Tensor:
        y, x = self._clip(self.y[:, None] + self.dy, self.x[:, None] + self.dx)
        alike = (self.log_d[y, x] - self.log_b[self.y, self.x][:, None]).abs() < 1.5 * _SAME
        grown = self.hidden[y, x] & ((self.log_b[y, x] - self.log_b[self.y, self.x][:, None]).abs() < 1.5 * _SAME)
        return torch.where(grown, 0.6, (alike & self.source[y, x]).float()).half()

    def start(self) -> torch.Tensor:
        """Diffuses the visible colours at the same distance into the hidden pixels."""
        canvas = torch.where(self.hidden, 0.0, self.color)
        weight = (self.source & ~self.hidden).float()
        total, share = canvas * weight, weight[None]
        result = self.color.clone()
        todo = self.hidden.clone()
        for _ in range(max(self.height, self.width)):
            if not bool(todo.any()):
                break
            total = F.avg_pool2d(F.pad(total[None], (1, 1, 1, 1)), 3, 1)[0]
            share = F.avg_pool2d(F.pad(share[None], (1, 1, 1, 1)), 3, 1)[0]
            ready = todo & (share[0] > 1e-6)
            result = torch.where(ready, total / share.clamp(min=1e-9), result)
            todo &= ~ready
        return result

    def search(self, canvas: torch.Tensor, match: torch.Tensor | None, generator: torch.Generator, rounds: int) -> torch.Tensor:
        """Improves the matches."""
        if match is None:
            match = torch.zeros(self.height, self.width, 2, dtype=torch.long, device=self.device)
            match[self.y, self.x] = self._random(generator)
        own = match[self.y, self.x]
        own = torch.where(self.whole[own[:, 0], own[:, 1]][:, None], own, self._random(generator))
        y, x = self._clip(self.y[:, None] + self.dy, self.x[:, None] + self.dx)
        self.patches = canvas.flatten(1)[:, y * self.width + x]  # what each hidden pixel looks for
        cost = self._cost(own)
        radius = max(self.height, self.width) // 2
        for number in range(rounds):
            reach = 1 << max(0, rounds - 1 - number)
            for dy, dx in ((0, reach), (0, -reach), (reach, 0), (-reach, 0), (1, 1), (-1, -1)):
                match = match.clone()
                match[self.y, self.x] = own
                y, x = self._clip(self.y + dy, self.x + dx)
                other = match[y, x] - torch.stack([y - self.y, x - self.x], 1)
                own, cost = self._better(own, cost, other, self.hidden[y, x])
            own, cost = self._better(own, cost, self._random(generator), None)
            step = radius
            while step >= 1:
                jump = (torch.rand(len(own), 2, generator=generator) * 2 - 1).to(self.device) * step
                own, cost = self._better(own, cost, own + jump.round().long(), None)
                step //= 4
        match = match.clone()
        match[self.y, self.x] = own
        self.cost = cost
        return match

    def _random(self, generator: torch.Generator) -> torch.Tensor:
        """Sources at about the distance of each hidden pixel."""
        middle = self.log_b[self.y, self.x].contiguous()
        low = torch.searchsorted(self.pool_d, middle - _ALIKE)
        high = torch.searchsorted(self.pool_d, middle + _ALIKE)
        empty = high <= low  # nothing is visible at that distance: the nearest will do
        low, high = torch.where(empty, (low - 500).clamp(min=0), low), torch.where(empty, low + 500, high).clamp(max=len(self.pool_d))
        pick = torch.rand(len(middle), generator=generator).to(self.device)
        index = (low + (pick * (high - low)).long()).clamp(max=len(self.pool_d) - 1)
        return self.pool[index]

    def _better(
        self, own: torch.Tensor, cost: torch.Tensor, other: torch.Tensor, allowed: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y, x = self._clip(other[:, 0], other[:, 1])
        usable = self.whole[y, x] & ((y != own[:, 0]) | (x != own[:, 1]))
        if allowed is not None:
            usable = usable & allowed
        index = torch.nonzero(usable)[:, 0]
        if not len(index):
            return own, cost
        candidate = torch.stack([y[index], x[index]], 1)
        new = self._cost(candidate, index)
        take = new < cost[index]
        own, cost = own.clone(), cost.clone()
        own[index[take]], cost[index[take]] = candidate[take], new[take]
        return own, cost

    def _cost(self, there: torch.Tensor, index: torch.Tensor | None = None) -> torch.Tensor:
        """Mean squared difference of patches over what belongs to the hidden surface; distance and way have a price."""
        index = torch.arange(len(self.y), device=self.device) if index is None else index
        costs = []
        flat, width = self.color.flatten(1), self.width
        for start in range(0, len(index), _CHUNK):
            some, place = index[start : start + _CHUNK], there[start : start + _CHUNK]
            y, x = self._clip(place[:, :1] + self.dy, place[:, 1:] + self.dx)
            difference = ((self.patches[:, some] - flat[:, y * width + x]) ** 2).sum(0)
            weight = self.around[some].float()
            apart = (self.log_d[place[:, 0], place[:, 1]] - self.log_b[self.y[some], self.x[some]]).abs()
            mean = (difference * weight).sum(1) / weight.sum(1).clamp(min=0.5)
            away = (place - torch.stack([self.y[some], self.x[some]], 1)).float().norm(dim=1) / max(self.height, self.width)
            costs.append(mean + 0.02 * (apart / _ALIKE).clamp(max=4) ** 2 + 0.03 * away**2)
        return torch.cat(costs) if costs else torch.zeros(0, device=self.device)

    def vote(self, canvas: torch.Tensor, match: torch.Tensor, sharp: bool) -> torch.Tensor:
        """New colours from the patches that overlap each hidden pixel; ``sharp`` lets the best of them decide nearly alone."""
        trust = torch.zeros(self.height, self.width, device=self.device)
        scale = max(float(self.cost.median()), 1e-5)
        trust[self.y, self.x] = torch.exp(-self.cost / (2 * scale)).clamp(min=1e-4)
        total = torch.zeros(self.color.shape[0], len(self.y), device=self.device)
        weights = torch.zeros(len(self.y), device=self.device)
        flat, depth = self.color.flatten(1), self.log_b[self.y, self.x]
        for dy, dx in zip(self.dy.tolist(), self.dx.tolist(), strict=True):
            if sharp and max(abs(dy), abs(dx)) > 1:
                continue
            y, x = self._clip(self.y + dy, self.x + dx)
            counts = self.hidden[y, x] & ((self.log_b[y, x] - depth).abs() < _SAME)
            near = match[y, x]
            sy, sx = self._clip(near[:, 0] - dy, near[:, 1] - dx)
            weight = torch.where(counts, trust[y, x] * 0.75 ** (abs(dy) + abs(dx)), 0.0)
            total += weight * flat[:, sy * self.width + sx]
            weights += weight
        result = canvas.clone()
        result[:, self.y, self.x] = torch.where(weights > 0, total / weights.clamp(min=1e-9), canvas[:, self.y, self.x])
        return result
