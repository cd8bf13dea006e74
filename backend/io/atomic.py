"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError

from ...shared.errors import StorageError


@contextlib.contextmanager
def in_one_step(path: Path) -> Iterator[Path]:
    """Gives a path next to the wanted one, whose folder is made; what was written there takes its place at the end.

    Raises:
        StorageError: No room, or no right to write.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.chmod(temporary, 0o644)  # safetensors makes it for its owner alone
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        message = f"{path} could not be written: {getattr(error, 'strerror', None) or error}"
        raise StorageError(message, fix="Free some space, or choose another place") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
