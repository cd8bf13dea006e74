"""A sparse volume of 8 x 8 x 8 voxel blocks that grows as surface is seen.

Voxel ``(x, y, z)`` of block ``(a, b, c)`` is at ``voxel * (8 * (a, b, c) + (x, y, z))`` in the world; inside a block its index is
``x + 8 * y + 64 * z``. A voxel takes 4 bytes: a signed distance as 16-bit fraction of the truncation and a 16-bit weight. Blocks are found
through an open-addressing hash table on the CPU; both the table and the arrays double when they are full, so there is no capacity
to choose and none to overflow.
"""

from __future__ import annotations

import numpy as np

from ...core.compiled import kernel

EDGE = 8
"""Voxels along the edge of a block."""
VOXELS = EDGE**3
BLOCK_BYTES = VOXELS * 4
DISTANCE_ONE = 32000
"""The stored distance that stands for the truncation distance."""
WEIGHT_ONE = 128
"""The stored weight of one perfect observation."""
WEIGHT_MAX = 32767
"""Then new observations replace old ones slowly, as if 255 perfect ones had been seen."""
LIMIT = 1 << 20
"""Block coordinates lie in -LIMIT .. LIMIT - 1: three of them fit a 63-bit key."""


class Blocks:
    """The blocks there are, in the order in which they were first seen.

    Attributes:
        count: Number of blocks.
        coordinates: ``(capacity, 3)`` int32, block coordinates.
        distance: ``(capacity, 512)`` int16, signed distance / truncation * ``DISTANCE_ONE``; positive on the camera's side.
        weight: ``(capacity, 512)`` int16, sum of weights * ``WEIGHT_ONE``, saturating at ``WEIGHT_MAX``; 0 = never observed.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self.count = 0
        self.coordinates = np.zeros((capacity, 3), np.int32)
        self.distance = np.zeros((capacity, VOXELS), np.int16)
        self.weight = np.zeros((capacity, VOXELS), np.int16)
        self._keys = np.full(_table_size(capacity), -1, np.int64)
        self._slots = np.zeros(len(self._keys), np.int32)

    def add(self, keys: np.ndarray) -> np.ndarray:
        """Finds blocks, making those that are new.

        Args:
            keys: ``(N,)`` int64, unique, from ``pack``.

        Returns:
            ``(N,)`` int32, their numbers.
        """
        self._reserve(self.count + len(keys))
        numbers = np.empty(len(keys), np.int32)
        self.count = _insert(keys, self._keys, self._slots, self.coordinates, self.count, numbers)
        return numbers

    @classmethod
    def of(cls, coordinates: np.ndarray, distance: np.ndarray, weight: np.ndarray) -> Blocks:
        """Wraps arrays that were filled elsewhere; all of them are in use."""
        blocks = cls(0)
        blocks.coordinates, blocks.distance, blocks.weight = coordinates, distance, weight
        blocks.count = len(coordinates)
        blocks._rehash()
        return blocks

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Numbers of blocks, ``(N,)`` int32; -1 where there is none."""
        numbers = np.empty(len(keys), np.int32)
        _lookup(keys, self._keys, self._slots, numbers)
        return numbers

    def neighbours(self) -> np.ndarray:
        """``(count, 27)`` int32: block at offset ``(x - 1, y - 1, z - 1)`` under ``x + 3 * y + 9 * z``, or -1."""
        numbers = np.empty((self.count, 27), np.int32)
        _neighbours(self.coordinates, self._keys, self._slots, numbers)
        return numbers

    @property
    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Keys by slot, -1 where there is none, and the numbers of their blocks; see ``find_slot``."""
        return self._keys, self._slots

    @property
    def bytes(self) -> int:
        """Bytes of the voxels in use."""
        return self.count * BLOCK_BYTES

    def _reserve(self, count: int) -> None:
        capacity = len(self.coordinates)
        if count <= capacity:
            return
        capacity = max(count, 2 * capacity)
        for name in ("coordinates", "distance", "weight"):
            old = getattr(self, name)
            new = np.zeros((capacity, old.shape[1]), old.dtype)
            new[: self.count] = old[: self.count]
            setattr(self, name, new)
        self._rehash()

    def _rehash(self) -> None:
        capacity = len(self.coordinates)
        self._keys = np.full(_table_size(capacity), -1, np.int64)
        self._slots = np.zeros(len(self._keys), np.int32)
        _rebuild(self.coordinates, self.count, self._keys, self._slots)


def _table_size(capacity: int) -> int:
    """A power of two that leaves at least half of the table empty."""
    return 1 << max(2 * capacity - 1, 1).bit_length()


@kernel()
def pack(a: int, b: int, c: int) -> np.int64:
    """The key of block ``(a, b, c)``: 21 bits each, sorted like (a, b, c)."""
    return ((np.int64(a) + LIMIT) << 42) | ((np.int64(b) + LIMIT) << 21) | (np.int64(c) + LIMIT)


@kernel()
def find_slot(table: np.ndarray, key: int) -> np.int64:
    """Where a key is in the table, or where it would go (Fibonacci hashing, linear probing)."""
    mask = len(table) - 1
    i = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & mask
    while table[i] != key and table[i] != -1:
        i = (i + 1) & mask
    return i


@kernel()
def _insert(keys: np.ndarray, table: np.ndarray, slots: np.ndarray, coordinates: np.ndarray, count: int, numbers: np.ndarray) -> int:
    for n in range(len(keys)):
        key = keys[n]
        i = find_slot(table, key)
        if table[i] == -1:
            table[i] = key
            slots[i] = count
            coordinates[count, 0] = (key >> 42) - LIMIT
            coordinates[count, 1] = (key >> 21 & 0x1FFFFF) - LIMIT
            coordinates[count, 2] = (key & 0x1FFFFF) - LIMIT
            count += 1
        numbers[n] = slots[i]
    return count


@kernel()
def _lookup(keys: np.ndarray, table: np.ndarray, slots: np.ndarray, numbers: np.ndarray) -> None:
    for n in range(len(keys)):
        i = find_slot(table, keys[n])
        numbers[n] = slots[i] if table[i] != -1 else -1


@kernel()
def _rebuild(coordinates: np.ndarray, count: int, table: np.ndarray, slots: np.ndarray) -> None:
    for n in range(count):
        i = find_slot(table, pack(coordinates[n, 0], coordinates[n, 1], coordinates[n, 2]))
        table[i] = pack(coordinates[n, 0], coordinates[n, 1], coordinates[n, 2])
        slots[i] = n


@kernel()
def _neighbours(coordinates: np.ndarray, table: np.ndarray, slots: np.ndarray, numbers: np.ndarray) -> None:
    for n in range(len(numbers)):
        for k in range(27):
            key = pack(coordinates[n, 0] + k % 3 - 1, coordinates[n, 1] + k // 3 % 3 - 1, coordinates[n, 2] + k // 9 - 1)
            i = find_slot(table, key)
            numbers[n, k] = slots[i] if table[i] != -1 else -1
