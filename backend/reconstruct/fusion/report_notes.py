"""What a person should know about the frames next to the mesh: in words, and as figures for the report."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from ....shared.values import SceneFrame
from ...io.frames.frame import DepthFrame
from .fusion import Settings
from .survey import Survey

ALONE = 0.05
"""A frame that shares less of what it shows hangs together with nothing."""
THIN = 0.2
MOVES = 0.02
"""Share of a frame's pixels, and ``OBJECT_MOVES`` of an object's, that others see through: below it may be the odd pixel."""
OBJECT_MOVES = 0.2


class Moving:
    """Counts depth that contradicts the free space of other frames."""

    def __init__(self) -> None:
        self._frames: dict[int, float] = {}
        self._objects: dict[int, np.ndarray] = {}

    def add(self, frame: DepthFrame, contradicted: np.ndarray, stride: int) -> None:
        """Adds what ``FreeSpace.contradicted`` found for every ``stride``-th pixel of a frame."""
        measured = contradicted >= 0
        self._frames[frame.number] = float((contradicted == 1).sum() / max(measured.sum(), 1))
        if frame.object_id is not None:
            ids = frame.object_id[::stride, ::stride]
            for number in np.unique(ids[contradicted == 1]).tolist():
                self._objects.setdefault(number, np.zeros(2, np.int64))
            for number, sums in self._objects.items():
                mine = measured & (ids == number)
                sums += int((contradicted[mine] == 1).sum()), int(mine.sum())

    @property
    def frames(self) -> dict[int, float]:
        """Frames with more than the odd contradicted pixel: number to share of pixels."""
        return {number: round(share, 4) for number, share in self._frames.items() if share > MOVES}

    @property
    def objects(self) -> dict[int, float]:
        """Objects that moved: id to the share of their pixels that other frames see through."""
        return {n: round(float(s[0] / s[1]), 4) for n, s in self._objects.items() if s[1] >= 20 and s[0] > OBJECT_MOVES * s[1]}

    def report(self) -> dict[str, object]:
        """Shares by frame number and by object id, as JSON."""
        shares = list(self._frames.values())
        return {
            "share": round(float(np.mean(shares)), 5) if shares else 0.0,
            "frames": {str(n): share for n, share in self.frames.items()},
            "objects": {str(n): share for n, share in self.objects.items()},
        }


def overlap(shares: Mapping[int, float]) -> dict[str, object]:
    """How much of what a frame shows another one shows as well."""
    values = list(shares.values())
    alone = [number for number, share in shares.items() if share < ALONE]
    return {"median": round(float(np.median(values)), 4), "least": round(min(values), 4), "frames_alone": alone} if values else {}


def notes(
    frames: Sequence[SceneFrame], bare: Sequence[int], skipped: Sequence[int], looked: Survey, settings: Settings,
    shares: Mapping[int, float], moving: Moving, taken_out: float, resolved: float = 0.0,
) -> list[str]:  # fmt: skip
    """Sentences for a person, the gravest first; ``resolved`` is the voxel size that the frames are worth, where one was chosen."""
    found = []
    noise = looked.noise.sigma(looked.far)
    if looked.agreement is not None and looked.agreement < 0.15:
        found.append(
            f"Frames agree on only {looked.agreement:.0%} of what two of them see: check poses, focal length and principal point, "
            "and the depth's units."
        )
    elif noise > 2 * settings.voxel:
        found.append(
            f"Frames disagree by {noise:.3g} scene units at a distance of {looked.far:.3g}, {noise / settings.voxel:.1f} voxels: "
            "the depth is noisy, or poses and focal length do not quite fit. A larger voxel size would lose nothing."
        )
    if 0 < resolved < settings.voxel:
        found.append(
            f"The frames resolve voxels of {resolved:.2g}; {settings.voxel:.2g} were taken, since the volume would get very large. "
            "Set the voxel size, or a maximum depth, for more detail."
        )
    found += _overlap_notes(shares)
    if moving.objects:
        ids = ", ".join(str(n) for n in sorted(moving.objects))
        found.append(f"Something moved: other frames see through objects {ids}. Leave them out with Without Objects, or drop what moves.")
    elif moving.frames:
        worst = max(moving.frames, key=lambda n: moving.frames[n])
        found.append(
            f"Other frames see through depth of {names(list(moving.frames))}, up to {moving.frames[worst]:.0%} of the pixels "
            f"(frame {worst}): something moved, or the depth has flying pixels. Drop What Moves leaves it out."
        )
    if taken_out:
        found.append(f"{taken_out:.2%} of the depth was left out because other frames see through it.")
    if bare:
        found.append(f"No depth in {names(bare)}: left out.")
    if skipped:
        found.append(f"Nothing but background in {names(skipped)}: left out.")
    gaps = missing_numbers([frame.number for frame in frames])
    if gaps:
        found.append(f"Frames are missing from the sequence: {names(gaps)}.")
    return found


def _overlap_notes(shares: Mapping[int, float]) -> list[str]:
    if len(shares) == 1:
        return [
            "One frame: the mesh has only the sides that it shows, torn at edges, and its error is measured against the same frame. "
            "Add frames from other sides to close it."
        ]
    alone = [number for number, share in shares.items() if share < ALONE]
    if shares and len(alone) == len(shares):
        return ["No two frames show the same surface: each is a piece of its own, and nothing tells whether they fit together."]
    if alone:
        return [f"What {names(alone)} shows is on no other frame: it hangs together with the rest only by its camera's position."]
    if shares and float(np.median(list(shares.values()))) < THIN:
        return [f"Frames overlap little: half of them share less than {np.median(list(shares.values())):.0%} with any other."]
    return []


def missing_numbers(numbers: Sequence[int]) -> list[int]:
    """Numbers left out of a sequence that is otherwise evenly spaced (at most a fifth of it), else none."""
    ordered = sorted(set(numbers))
    steps = np.diff(ordered)
    if len(steps) < 4:
        return []
    step = int(np.median(steps))
    if step < 1 or (steps % step).any():
        return []
    missing = [n for a, b in itertools.pairwise(ordered) for n in range(a + step, b, step)]
    return missing if 0 < len(missing) <= len(ordered) // 4 else []


def counted(frames: int) -> str:
    """How many frames, in words."""
    return "1 frame" if frames == 1 else f"{frames} frames"


def names(numbers: Sequence[int]) -> str:
    """Frames in words."""
    shown = ", ".join(str(n) for n in sorted(numbers)[:10])
    return f"frame {shown}" if len(numbers) == 1 else f"{len(numbers)} frames ({shown}{', …' if len(numbers) > 10 else ''})"
