"""Which sources may be used where: each position of the output has an owner, and so has each source.

The search is done for each owner apart, so that nothing of one ever stands in a place of another.
"""

from __future__ import annotations

import dataclasses

import torch

from . import matching, pyramid
from .atlas import Sheet
from .descriptor import PATCH

_TRIED = 1024
"""Sources that are tried for a patch whose match belongs to somebody else."""

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclasses.dataclass(frozen=True)
class Owners:
    """Owners by number.

    Attributes:
        target: ``(H, W)`` int64, the owner of each pixel of the output.
        sources: The owner of each source of the atlas.
    """

    target: torch.Tensor
    sources: tuple[int, ...]

    def at(self, size: tuple[int, int], sheet: Sheet, tile: tuple[bool, bool]) -> Labels:
        """The owners of all patches at a level; a patch belongs to whom its centre belongs."""
        gh, gw = pyramid.grid_of(size, tile)
        device = self.target.device
        rows, columns = (
            ((torch.arange(count, device=device) + PATCH // 2 + 0.5) * whole / side).long() % whole
            for count, side, whole in zip((gh, gw), size, self.target.shape, strict=True)
        )
        wanted = self.target[rows][:, columns]
        table = torch.tensor(self.sources, device=device)
        members = sheet.member_of(torch.arange(sheet.grid[0], device=device))
        offered = table[members][:, None].expand(-1, sheet.grid[1]).reshape(-1)
        return Labels(wanted, offered, sheet.grid[1])


@dataclasses.dataclass(frozen=True)
class Labels:
    """The owners of the patches at one level.

    Attributes:
        wanted: ``(gh, gw)`` int64 of the output's patches.
        offered: ``(K,)`` int64 of the source patches.
        columns: Patches in a row of the sheet.
    """

    wanted: torch.Tensor
    offered: torch.Tensor
    columns: int

    def band(self, first: int, last: int) -> Pair:
        """Of the rows ``first`` to ``last``, and of all sources."""
        return self.wanted[first:last].flatten(), self.offered

    def share(self, usable: torch.Tensor | None) -> torch.Tensor:
        """How often each source patch is used when every owner's are used evenly, ``(K,)``."""
        count = 1 + max(int(self.wanted.max()), int(self.offered.max()))
        open_ones = self.offered if usable is None else self.offered[usable]
        wanted, offered = torch.bincount(self.wanted.flatten(), minlength=count), torch.bincount(open_ones, minlength=count)
        return (wanted / offered.clamp_min(1))[self.offered]

    def correct(
        self, field: torch.Tensor, first: int, last: int, queries: torch.Tensor, keys: torch.Tensor, usable: torch.Tensor | None
    ) -> None:
        """Gives patches whose match belongs to somebody else a match of their own, in place.

        Args:
            field: ``(2, gh, gw)`` int32.
            first: First row that is looked at.
            last: Last row + 1.
            queries: ``(N, D)`` of these rows.
            keys: ``(K, D)``.
            usable: ``(K,)`` bool, or None for all.
        """
        columns = self.columns
        current = (field[0, first:last].long() * columns + field[1, first:last]).flatten()
        wanted = self.wanted[first:last].flatten()
        wrong = torch.nonzero(self.offered[current] != wanted).flatten()
        if not len(wrong):
            return
        for owner in wanted[wrong].unique().tolist():
            mine = wrong[wanted[wrong] == owner]
            allowed = self.offered == owner
            some = torch.nonzero(allowed if usable is None else allowed & usable).flatten()
            if not len(some):
                continue
            some = some[:: max(1, len(some) // _TRIED)]
            index, _ = matching.exact(queries[mine], keys[some], torch.zeros(len(some), device=keys.device), 1.0)
            current[mine] = some[index]
        field[:, first:last] = torch.stack([current // columns, current % columns]).int().view(2, last - first, -1)


def exact(queries: torch.Tensor, keys: torch.Tensor, own: torch.Tensor, alpha: float, labels: Pair | None) -> Pair:
    """``matching.exact``, among sources of the same owner.

    Args:
        queries: ``(N, D)``.
        keys: ``(K, D)``.
        own: ``(K,)``.
        alpha: See there.
        labels: Owners of queries and keys, ``(N,)`` and ``(K,)``, or None.
    """
    if labels is None:
        return matching.exact(queries, keys, own, alpha)
    wanted, offered = labels
    index, fresh = torch.zeros(len(queries), dtype=torch.int64, device=queries.device), own.clone()
    for owner in wanted.unique().tolist():
        mine, some = (torch.nonzero(values == owner).flatten() for values in (wanted, offered))
        if not len(some):  # so few that the stride missed them; corrected at a finer level
            some = torch.arange(len(keys), device=keys.device)
        found, better = matching.exact(queries[mine], keys[some], own[some], alpha)
        index[mine], fresh[some] = some[found], better
    return index, fresh


def least_distances(queries: torch.Tensor, keys: torch.Tensor, labels: Pair | None) -> torch.Tensor:
    """``matching.least_distances`` to queries of the same owner."""
    if labels is None:
        return matching.least_distances(queries, keys)
    result = torch.zeros(len(keys), device=keys.device)
    for owner in labels[0].unique().tolist():
        mine, some = (torch.nonzero(values == owner).flatten() for values in labels)
        if len(some):
            result[some] = matching.least_distances(queries[mine], keys[some])
    return result
