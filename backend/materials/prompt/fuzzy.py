"""Words that are spelt wrongly or inflected in an unseen way: hashed character n-grams find candidates, the edit distance decides."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

_BUCKETS = 512
_CANDIDATES = 6
SAME_ROOT = 0.62
"""Cosine of n-gram vectors from which an unseen inflection with the same first letters counts ("herringboned", "cobblestoney")."""


class Spelling:
    """Finds the entry of a vocabulary that a wrongly spelt word means.

    Args:
        vocabulary: Single words, lower case.
        real: Correct words that are not in the vocabulary and must not be bent to one that is ("glass" is not "grass").
    """

    def __init__(self, vocabulary: Sequence[str], real: frozenset[str]) -> None:
        self._words = [word for word in vocabulary if len(word) >= 4]
        self._real = real
        self._grams = np.stack([_vector(word) for word in self._words])

    def nearest(self, word: str) -> str | None:
        """The vocabulary's word that ``word`` is a typo or an inflection of, or None.

        Up to 4 letters nothing is corrected; up to 8 one edit is forgiven, from 9 on two. Edits: insert, delete, replace, swap neighbours.
        """
        if len(word) < 5 or word in self._real or (word.endswith("s") and word[:-1] in self._real) or not word.isascii():
            return None
        scores = self._grams @ _vector(word)
        order = np.argpartition(-scores, _CANDIDATES)[:_CANDIDATES]
        budget = 1 if len(word) < 9 else 2
        best: tuple[float, str] | None = None
        for i in order:
            other = self._words[i]
            distance = edit_distance(word, other, budget) if len(other) >= 5 or len(word) == len(other) + 1 else budget + 1
            # The first letter of a word is seldom wrong; where it is, only a swap or a slip of one key counts.
            if distance <= budget and (word[0] == other[0] or (distance == 1 and len(word) >= 7)):
                rank = distance - float(scores[i])
            elif scores[i] >= SAME_ROOT and len(word) > len(other) >= 6 and word.startswith(other[:-1]):
                rank = 3.0 - float(scores[i])
            else:
                continue
            if best is None or rank < best[0]:
                best = rank, other
        return best[1] if best else None


def edit_distance(a: str, b: str, limit: int) -> int:
    """Optimal string alignment distance, or ``limit + 1`` as soon as it is larger than ``limit``."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row, older = row, [i], before
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if older and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before = last
    return row[-1]


def _vector(word: str) -> np.ndarray:
    """``(_BUCKETS,)`` float32 of unit length: counts of hashed pairs and triples of letters, with the word's ends marked."""
    marked = f"^{word[:40]}$"
    counts = np.zeros(_BUCKETS, np.float32)
    for n in (2, 3):
        for i in range(len(marked) - n + 1):
            counts[zlib.crc32(marked[i : i + n].encode()) % _BUCKETS] += 1.0
    return counts / np.float32(np.linalg.norm(counts))
