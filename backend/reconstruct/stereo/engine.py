"""Runs the matching of one view at one scale: compiled kernels on the CPU, torch elsewhere."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from ...core.camera import Intrinsics
from . import costs, kernels, reference
from .geometry import Pairs

RADIUS, STEP = 3, 1
"""Of the patch: 7 x 7 pixels."""
COLOR_SIGMA = 0.05
"""Gray values (of 1) by which a sample that differs from the patch's middle counts half."""
SPACE_SIGMA = 4.0
"""Pixels, likewise."""
_f = np.float32
_NO_DEPTH, _NO_PRIOR = np.zeros((0, 1, 1), _f), np.zeros((1, 1, 1), _f)


@dataclasses.dataclass(frozen=True)
class Task:
    """One view with its sources at one scale.

    Attributes:
        gray: ``(H, W)`` float32.
        mask: ``(H, W)`` uint8, what may be matched.
        images: ``(S, H * W)`` float32, the sources.
        masks: ``(S, H * W)`` uint8.
        link: How pixels lie in the sources.
        limits: Least and largest inverse depth.
        device: Where to run.
    """

    gray: np.ndarray
    mask: np.ndarray
    images: np.ndarray
    masks: np.ndarray
    link: Pairs
    limits: tuple[float, float]
    device: torch.device

    def problem(self) -> reference.Problem:
        """The same in torch, on the device."""
        shape = (-1, *self.gray.shape)
        arrays = (self.gray, self.mask > 0, self.images.reshape(shape), self.masks.reshape(shape) > 0)
        link = self.link
        gray, mask, images, masks, M, t, N, r = (
            torch.from_numpy(np.ascontiguousarray(a)).to(self.device) for a in (*arrays, link.M, link.t, link.N, link.r)
        )
        lens, spread = Intrinsics(*(float(x) for x in link.lens)), (1 / COLOR_SIGMA**2, 1 / SPACE_SIGMA**2)
        return reference.Problem(gray, mask, images, masks, M, t, N, r, lens, self.limits, RADIUS, STEP, *spread)

    def view(self) -> costs.View:
        """The view as the kernels take it."""
        return costs.View(self.gray, self.mask, RADIUS, STEP, _f(1 / COLOR_SIGMA**2), _f(1 / SPACE_SIGMA**2), *(_f(k) for k in self.limits))

    def sources(self, inverse: np.ndarray | None = None) -> costs.Sources:
        """The sources as the kernels take them, with their own inverse depths ``(S, H, W)`` float32 if they are known."""
        link = self.link
        return costs.Sources(self.images, self.masks, link.M, link.t, link.N, link.r, _NO_DEPTH if inverse is None else inverse)

    def sweep(self, inverses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Planes ``(H, W, 3)`` and costs ``(H, W)`` of the best of fronto-parallel planes at inverse depths ``(K,)`` float32."""
        field, cost = np.zeros((*self.gray.shape, 3), _f), np.zeros(self.gray.shape, _f)
        if self.device.type == "cpu":
            costs.sweep(self.view(), self.sources(), inverses, field, cost)
            return field, cost
        on_device = [torch.from_numpy(a).to(self.device) for a in (field, cost)]
        reference.sweep(self.problem(), torch.from_numpy(inverses).to(self.device), *on_device)
        return on_device[0].cpu().numpy(), on_device[1].cpu().numpy()

    def improve(
        self, field: np.ndarray, cost: np.ndarray, iterations: int, amount: float, seed: int, first: int,
        inverse: np.ndarray | None = None, prior: np.ndarray | None = None, prior_weight: float = 0.0,
    ) -> None:  # fmt: skip
        """Red-black PatchMatch iterations in place.

        Args:
            field: ``(H, W, 3)`` float32 planes.
            cost: ``(H, W)`` float32.
            iterations: Each over both colours of the board.
            amount: First size of perturbations in pixels; halves each time.
            seed: Of the perturbations.
            first: Number of the first iteration, for the perturbations.
            inverse: ``(S, H, W)`` float32, the sources' own inverse depths, or None.
            prior: ``(H, W, 4)`` float32, see ``planar_prior.py``, or None.
            prior_weight: Of the prior where there is no texture at all.
        """
        if self.device.type == "cpu":
            view, sources = self.view(), self.sources(inverse)
            planar = kernels.Prior(_NO_PRIOR if prior is None else prior, _f(prior_weight))
            for i in range(iterations):
                for parity in (0, 1):
                    half = kernels.HalfIteration(seed, first + i, parity, _f(amount * 0.5**i))
                    kernels.iterate(view, self.link.lens, sources, planar, half, field, cost)
            return
        problem = self.problem()
        moved = [None if a is None else torch.from_numpy(a).to(self.device) for a in (field, cost, inverse, prior)]
        assert moved[0] is not None
        assert moved[1] is not None
        for i in range(iterations):
            for parity in (0, 1):
                reference.iterate(problem, moved[2], moved[3], prior_weight, seed, first + i, parity, amount * 0.5**i, moved[0], moved[1])
        field[...], cost[...] = moved[0].cpu().numpy(), moved[1].cpu().numpy()
