"""Watching a training: curves, sample grids, checkpoints, and the signs that it should stop."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from ....shared.values import Image
from ...io.atomic import in_one_step
from ...io.writing import encode as encode_image
from ..data.dataset import Dataset
from ..generator.noise import make_seeds
from ..generator.patterns import PATTERN_CHANNELS, encode
from ..generator.prior import COARSEST
from ..stack import BASE_COLOR
from .checkpoint import save_checkpoint
from .generator_losses import patch_distance
from .training import Trainer

COLLAPSED = 0.1
"""Variety between seeds, against the variety between positions of a real material, below which every seed gives the same."""
SATURATED = 30.0
"""Lead of the real over the made in the discriminator's scores beyond which the generator gets no useful gradient."""
STRIKES = 3
"""Bad checks in a row that end a training."""


@dataclasses.dataclass
class Schedule:
    """When a monitor does what.

    Attributes:
        curves: Steps between two rows of the curves.
        check: Seconds between two checks on held-out materials, with a sample grid.
        save: Seconds between two checkpoints.
        patience: Checks without improvement after which drawing, or the training of the prior, ends early; 0 for never.
    """

    curves: int = 100
    check: float = 180.0
    save: float = 300.0
    patience: int = 0


class Monitor:
    """Called after every step (``training.Watch``).

    Args:
        folder: For ``curves.csv``, ``samples.png``, ``checkpoint.safetensors`` and TensorBoard's events.
        held_out: Materials that are not trained on.
        schedule: When.
        report: Called often with the fraction done, a few words and at times a picture ``(H, W, 3)`` uint8; may raise to cancel.
        tensorboard: Write its events too, if it is installed.
    """

    def __init__(
        self,
        folder: Path,
        held_out: Dataset,
        schedule: Schedule | None = None,
        report: Callable[[float, str, np.ndarray | None], None] | None = None,
        tensorboard: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.held_out, self.schedule, self.report = folder, held_out, schedule or Schedule(), report
        self.why_stopped = ""
        self.picture: np.ndarray | None = None
        self._sums: dict[str, list[float]] = {}
        self._last_margin = 0.0
        self._checked = self._saved = time.monotonic()
        self._best, self._since, self._strikes = float("inf"), 0, 0
        self._training_prior = False
        self._file: TextIO | None = None
        self._writer: csv.DictWriter[str] | None = None
        self._board = _board(folder) if tensorboard else None

    def __call__(self, trainer: Trainer, found: dict[str, float]) -> bool:
        """Takes the losses of a step; True when the training should end."""
        for name, value in found.items():
            self._sums.setdefault(name, []).append(value)
        if self.report is not None:
            self.report(trainer.progress(), f"step {trainer.step_number}", None)
        now, s = time.monotonic(), self.schedule
        if now - self._checked > s.check:
            self._checked = now
            self._check(trainer)
        elif found and trainer.step_number % s.curves == 0:
            self._row(trainer, {})
        if now - self._saved > s.save:
            self._saved = now
            save_checkpoint(self.folder / "checkpoint.safetensors", trainer)
        return bool(self.why_stopped)

    def close(self, trainer: Trainer) -> None:
        """A last check and checkpoint."""
        self._check(trainer)
        save_checkpoint(self.folder / "checkpoint.safetensors", trainer)
        self.finish()

    def finish(self) -> None:
        """Closes the files."""
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()

    def _check(self, trainer: Trainer) -> None:
        if trainer.training_prior and not self._training_prior:  # from here on another thing is measured
            self._best, self._since, self._strikes, self._training_prior = float("inf"), 0, 0, True
        measured, self.picture = check(trainer, self.held_out)
        with in_one_step(self.folder / "samples.png") as temporary:
            temporary.write_bytes(encode_image(Image(self.picture), "png"))
        self._row(trainer, measured)
        if self.report is not None:
            self.report(trainer.progress(), f"step {trainer.step_number}, held-out ratio {measured['held_out']:.2f}", self.picture)
        if trainer.step_number < trainer.options.warm:
            return
        collapsed = measured["variety"] < COLLAPSED
        bad = collapsed or self._last_margin > SATURATED or not np.isfinite(measured["held_out"])
        self._strikes = self._strikes + 1 if bad else 0
        if self._strikes >= STRIKES:
            self.why_stopped = (
                "every seed gives the same picture" if collapsed else "the discriminator separates real from generated without error"
            )
        if measured["held_out"] < self._best * 0.99:
            self._best, self._since = measured["held_out"], 0
        else:
            self._since += 1
            if self.schedule.patience and self._since >= self.schedule.patience:
                if trainer.training_prior or not trainer.options.prior:
                    self.why_stopped = f"no better for {self._since} checks"
                else:
                    trainer.finish_drawing()

    def _row(self, trainer: Trainer, measured: dict[str, float]) -> None:
        means = {name: sum(values) / len(values) for name, values in self._sums.items() if values}
        self._last_margin = means.get("margin", self._last_margin)
        self._sums.clear()
        row: dict[str, Any] = {"step": trainer.step_number, "minutes": round(trainer.spent / 60, 3), **means, **measured}
        if self._writer is None:
            path = self.folder / "curves.csv"
            fresh = not path.exists()
            self._file = path.open("a", newline="", encoding="utf-8")
            self._writer = csv.DictWriter(self._file, COLUMNS, restval="", extrasaction="ignore")
            if fresh:
                self._writer.writeheader()
        assert self._file is not None
        self._writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()})
        self._file.flush()
        if self._board is not None:
            for name, value in {**means, **measured}.items():
                self._board.add_scalar(name, value, trainer.step_number)
            if measured and self.picture is not None:
                self._board.add_image("samples", self.picture, trainer.step_number, dataformats="HWC")


COLUMNS = (
    "step", "minutes", "discriminator", "margin", "penalty", "generator", "patches", "statistics", "likeness", "divergence", "codes",
    "measured", "attributes", "held_out", "variety",
)  # fmt: skip


def _board(folder: Path) -> Any:
    with contextlib.suppress(ImportError):
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(folder))  # type: ignore[no-untyped-call]
    return None


def check(trainer: Trainer, held_out: Dataset, count: int = 12) -> tuple[dict[str, float], np.ndarray]:
    """Measures the averaged generator on materials it has not seen: drawing what it is shown, or once the prior is trained, from noise.

    Returns:
        ``held_out``: patch distance to the real ones over that between two positions of the real ones (1 is as good as real); ``variety``:
        how much two made ones differ against how much two positions differ. And a picture: made above, real below, ``(H, W, 3)`` uint8.
    """
    random = torch.Generator().manual_seed(1)
    rows = torch.linspace(0, len(held_out) - 1, min(count, len(held_out))).long().tolist()
    side = min(128, held_out.size // 2 // COARSEST * COARSEST)
    ratios, varieties, columns = [], [], []
    for row in rows:
        real = held_out.stack(row)[None].to(trainer.device)
        first, second = real[..., :side, :side], real[..., -side:, -side:]
        made = [_make(trainer, held_out, row, place, random) for place in (slice(0, side), slice(-side, None))]
        floor = patch_distance(second, first).clamp_min(1e-3)
        ratios.append(float(patch_distance(made[0], first) / floor))
        varieties.append(float(_coarse(made[0], made[1]) / _coarse(first, second).clamp_min(1e-3)))
        columns.append(torch.cat([made[0][0, BASE_COLOR], made[0][0, 3:4].expand(3, -1, -1), first[0, BASE_COLOR]], 1))
    picture = (torch.cat(columns, 2).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    median = float(torch.tensor(ratios).median())
    return {"held_out": median, "variety": float(torch.tensor(varieties).median())}, np.ascontiguousarray(picture)


def _make(trainer: Trainer, data: Dataset, row: int, place: slice, random: torch.Generator) -> torch.Tensor:
    """Makes what is at a position of a material: from its code, or from noise if the prior has learnt to make codes."""
    real = data.stack(row)[None, :, place, place].to(trainer.device)
    pattern = torch.zeros(1, PATTERN_CHANNELS, *real.shape[2:])
    if bool(data.has_pattern[row]) and data.patterns is not None and data.cells is not None:
        mask = data.patterns[row, place, place].float() / 255
        pattern = encode(mask[None], data.cells[row, place, place].long().clamp_min(0)[None], random)
    seeds = make_seeds(1, (real.shape[2], real.shape[3]), random, pattern, trainer.device)
    latent = torch.randn(1, trainer.config.latent, generator=random).to(trainer.device)
    with torch.no_grad():
        style = trainer.mean_generator.style(data.attributes[row][None].to(trainer.device), latent)
        code = None if trainer.prior.step_number else trainer.inverter(real, seeds.pattern)
        made: torch.Tensor = trainer.mean_generator(style, seeds, code=code)
    return made.float().clamp(0, 1)


def _coarse(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """How different two pictures are at a scale of 4 px."""
    return torch.nn.functional.avg_pool2d(a - b, 4).abs().mean()
