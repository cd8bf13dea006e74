"""Which objects of the frames are reconstructed: chosen by the whole numbers in their channel ``object_id``."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....shared.errors import InputError
from ....shared.text_file import is_count
from ....shared.values import Image
from ...core.morphology import erode_mask

MOST = 100_000
"""Ids of one range."""


@dataclasses.dataclass(frozen=True)
class Selection:
    """Objects by id.

    Attributes:
        wanted: Only these; empty for all.
        unwanted: None of these.
        apart: Objects are kept from each other too: pixels at the border of any two are dropped.
    """

    wanted: frozenset[int] = frozenset()
    unwanted: frozenset[int] = frozenset()
    apart: bool = False

    @classmethod
    def parse(cls, wanted: str, unwanted: str, apart: bool = False) -> Selection:
        """From texts such as ``"3, 5"``, see ``parse_ids``.

        Raises:
            InputError: Something else than ids.
        """
        return cls(parse_ids(wanted, "objects"), parse_ids(unwanted, "without_objects"), apart)

    @property
    def everything(self) -> bool:
        """Whether no object is left out."""
        return not self.wanted and not self.unwanted

    @property
    def needs_ids(self) -> bool:
        """Whether frames without ``object_id`` are of no use."""
        return self.apart or not self.everything

    def keep(self, ids: np.ndarray) -> np.ndarray:
        """``(H, W)`` bool: pixels of chosen objects, those at the border to others left out, where an id may be the neighbour's."""
        if self.apart:
            border = np.zeros(ids.shape, bool)
            for axis in (0, 1):
                differs = np.diff(ids, axis=axis) != 0
                border |= _either_side(differs, axis)
            return self._chosen(ids) & ~border
        if self.everything:
            return np.ones(ids.shape, bool)
        return erode_mask(self._chosen(ids), 1)  # the picture's border does not count as another object

    def _chosen(self, ids: np.ndarray) -> np.ndarray:
        chosen = np.isin(ids, list(self.wanted)) if self.wanted else np.ones(ids.shape, bool)
        return chosen & ~np.isin(ids, list(self.unwanted)) if self.unwanted else chosen


def whole_ids(image: Image, where: str) -> np.ndarray:
    """The ids of a frame, ``(H, W)`` int32.

    Raises:
        InputError: A picture in colours, or numbers that are not whole.
    """
    pixels = image.pixels
    if pixels.shape[2] >= 3 and not (pixels[..., 1:3] == pixels[..., :1]).all():
        fix = "Export the object index pass (IndexOB), or a grey picture of whole numbers; cryptomattes and coloured masks hold no ids"
        raise InputError(expected=f"the object_id of {where} as one channel of whole numbers", got="a picture in colours", fix=fix)
    values = pixels[..., 0]
    if values.dtype.kind == "u":
        if values.max(initial=0) >= 2**31:
            raise InputError(expected=f"ids of {where} below {2**31}", got=str(values.max()), fix="Number the objects from 1")
        return values.astype(np.int32)
    values = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    whole = np.rint(values)
    if np.abs(values - whole).max(initial=0) > 1e-3:
        fix = "Render it without anti-aliasing or filtering"
        raise InputError(expected=f"the object_id of {where} in whole numbers", got="numbers between them", fix=fix)
    ids: np.ndarray = np.clip(whole, -(2**31), 2**31 - 1).astype(np.int32)
    return ids


def parse_ids(text: str, name: str) -> frozenset[int]:
    """Ids out of text such as ``3, 7-9``, with commas or spaces between; ``name`` is the parameter's.

    Raises:
        InputError: Something else, a range backwards, or one of more than ``MOST`` ids.
    """
    words = text.replace(",", " ").split()
    ranges = [(first, last if dash else first) for first, dash, last in (word.partition("-") for word in words)]
    if not all(is_count(a) and is_count(b) and int(a) <= int(b) < 2**31 and int(b) - int(a) <= MOST for a, b in ranges):
        fix = "Names of objects are known only where a capture brings an objects.json"
        raise InputError(
            expected=f"{name} as ids, whole numbers with commas or spaces between, such as 3,5 or 7-9", got=repr(text)[:80], fix=fix
        )
    return frozenset(number for a, b in ranges for number in range(int(a), int(b) + 1))


def _either_side(differs: np.ndarray, axis: int) -> np.ndarray:
    """Both pixels of each pair along an axis."""
    first, second = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
    first[axis], second[axis] = (0, 1), (1, 0)
    result: np.ndarray = np.pad(differs, first) | np.pad(differs, second)
    return result
