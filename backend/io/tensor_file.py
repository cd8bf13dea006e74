"""Safetensors files with a format of ours in their metadata: read whole, nothing in them is executed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ...shared.errors import InputError

_BAD = (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError)


@contextlib.contextmanager
def tensor_file(
    path: Path, format_name: str, expected: str, fix: str, *, tensors: bool = True, mapped: bool = False
) -> Iterator[tuple[dict[str, torch.Tensor], dict[str, str]]]:
    """Opens a file; what goes wrong in the body of the ``with`` counts as damage too.

    Args:
        path: The file.
        format_name: What ``format`` in its metadata must be.
        expected: What it should be, for the error's text.
        fix: What to do about a wrong one, for the error's text.
        tensors: Whether they are read; else only the metadata.
        mapped: Leave the tensors on disk until they are used. Else they are copied, so that the file can be replaced or removed (on
            Windows a mapped file cannot).

    Yields:
        The tensors by name, and the metadata.

    Raises:
        InputError: Missing, of another kind, or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            said = file.metadata() or {}
            if said.get("format") != format_name:
                kind = said.get("format") or "safetensors of unknown origin"
                raise InputError(expected=expected, got=f"a file of another kind ({kind})", fix=fix)
            found = {name: file.get_tensor(name) for name in file.keys()} if tensors else {}  # noqa: SIM118 -- not a mapping
            if not mapped:
                found = {name: tensor.clone() for name, tensor in found.items()}
        yield found, said
    except FileNotFoundError as error:
        raise InputError(expected=expected, got="no such file", fix=fix) from error
    except _BAD as error:
        raise InputError(expected=expected, got=f"a damaged or foreign file ({str(error)[:200]})", fix=fix) from error
