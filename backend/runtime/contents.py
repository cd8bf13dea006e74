"""Which blobs a job refers to: those that its messages name, and those that their manifests name."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from ...shared.errors import ProtocolError
from ...shared.manifest import LAYOUT, Listing, read_manifest
from ...shared.stored import map_blob
from .blobs import BlobStore

REMEMBERED = 1_000_000
"""Blobs of manifests that need not be read again."""


class Contents:
    """The blobs behind descriptions of buffers. Safe to use from several threads."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs, self._lock = blobs, threading.Lock()
        self._known: OrderedDict[str, list[tuple[str, int]]] = OrderedDict()

    def of(self, buffers: Iterable[dict[str, Any]]) -> list[tuple[str, int]]:
        """Digest and bytes of each blob."""
        found: list[tuple[str, int]] = []
        for buffer in buffers:
            if "digest" in buffer:
                found.append((buffer["digest"], int(buffer["nbytes"])))
                if buffer.get("layout") == LAYOUT:
                    found += self._listed(buffer)
        return found

    def remember(self, digest: str, listing: Listing) -> list[tuple[str, int]]:
        """Keeps what a manifest names; gives it."""
        named = [(address, b["nbytes"]) for address, b in listing.blobs.items()]
        with self._lock:
            self._known[digest] = named
            while len(self._known) > 1 and sum(map(len, self._known.values())) > REMEMBERED:
                self._known.popitem(last=False)
        return named

    def _listed(self, description: dict[str, Any]) -> list[tuple[str, int]]:
        with self._lock:
            if description["digest"] in self._known:
                self._known.move_to_end(description["digest"])
                return self._known[description["digest"]]
        try:
            listing = read_manifest(map_blob(description, self._blobs.folder))
        except ProtocolError:  # it is not there any more: nothing can be reached through it
            return []
        return self.remember(description["digest"], listing)
