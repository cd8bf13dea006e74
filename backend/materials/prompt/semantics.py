"""Optional: a sentence encoder that finds the known word nearest to one that the lexicon lacks.

The encoder is all-MiniLM-L6-v2 or any BERT of the same layout (N. Reimers and I. Gurevych, "Sentence-BERT", 2019): a folder with
``config.json``, ``model.safetensors`` and a tokenizer. It needs the extra ``semantics`` (the package ``transformers``). Nothing is
fetched from anywhere unless the caller says so, no code from a model's folder is run, and weights other than safetensors are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ....shared.errors import InputError
from ....shared.json_file import read_json
from .lexicon import Reading, lexicon
from .senses import Kind

HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
THRESHOLD = 0.65
"""Cosine below which a word stays unknown. With all-MiniLM-L6-v2 "driveway" finds "road" at 0.74; from 0.65 down most finds are wrong."""
_BATCH = 128
_KINDS = frozenset({Kind.FAMILY, Kind.OVERLAY, Kind.ATTRIBUTE, Kind.THING, Kind.LAYOUT})
_PARTS = ("config.json", "model.safetensors")


class Semantics:
    """Nearest known word by the cosine of sentence embeddings.

    Args:
        source: A folder with the encoder, or with ``online`` a hub id such as ``HUB_ID``.
        online: Whether the encoder may be fetched from the hub. Without it only the disk is read.
        threshold: Cosine from which on a neighbour counts, 0..1.

    Raises:
        InputError: ``transformers`` is missing, the folder is not a usable encoder, or the hub does not answer.
    """

    def __init__(self, source: str | Path, *, online: bool = False, threshold: float = THRESHOLD) -> None:
        self.threshold = threshold
        self._tokenizer, self._model = _load(source, online)
        # One entry for each meaning would lose synonyms; one for each word is about 900 rows, embedded once.
        self._entries = [name for name, sense in lexicon().items() if sense.kind in _KINDS]
        self._table: torch.Tensor | None = None
        self._found: dict[str, Reading | None] = {}

    def nearest(self, word: str) -> Reading | None:
        """The known word nearest to ``word``, or None where no similarity reaches the threshold."""
        if word not in self._found:
            self._found[word] = self._search(word)
        return self._found[word]

    def _search(self, word: str) -> Reading | None:
        if not any(c.isascii() and c.isalpha() for c in word):
            return None  # an English encoder's answer to other scripts is noise
        if self._table is None:
            self._table = self.embed(self._entries)
        scores = self._table @ self.embed([word])[0]
        best = int(scores.argmax())
        similarity = float(scores[best])
        if not similarity >= self.threshold:  # also for NaN
            return None
        entry = self._entries[best]
        return Reading(lexicon()[entry], entry, f"'{word}' taken as '{entry}' ({similarity:.2f})")

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> torch.Tensor:
        """``(len(texts), width)`` float32 of unit length: token vectors averaged over each text (mean pooling)."""
        rows: list[torch.Tensor] = []
        for start in range(0, len(texts), _BATCH):
            batch = self._tokenizer(list(texts[start : start + _BATCH]), padding=True, truncation=True, max_length=32, return_tensors="pt")
            states = self._model(**batch).last_hidden_state.float()
            mask = batch["attention_mask"].unsqueeze(-1).float()
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1.0)
            rows.append(torch.nn.functional.normalize(mean, dim=1))
        return torch.cat(rows)


def _load(source: str | Path, online: bool) -> tuple[Any, Any]:
    folder = Path(source)
    if folder.is_dir():
        _check_folder(folder)
    elif not online:
        raise InputError(
            expected="a folder with a sentence encoder",
            got=f"'{source}', which is not a folder on this machine",
            fix=f"Download {HUB_ID} and give its folder, or allow the download from the hub (online=True)",
        )
    try:
        from transformers import AutoModel, AutoTokenizer  # seconds to import, and seldom installed
    except ImportError as error:
        raise InputError(
            expected="the package transformers", got="a Python without it", fix="Install it with: pip install 'backlot[semantics]'"
        ) from error
    options: dict[str, Any] = {"local_files_only": folder.is_dir() or not online, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(source), **options)
        model = AutoModel.from_pretrained(str(source), use_safetensors=True, **options)
    except Exception as error:  # the library raises OSError, ValueError, KeyError, safetensors' and the hub's own errors
        where = f"the folder '{source}'" if folder.is_dir() else f"'{source}' on the hub"
        raise InputError(
            expected="a BERT encoder in safetensors with its tokenizer",
            got=f"{where}, which could not be read ({_first_line(error)})",
            fix="Check the files" if folder.is_dir() else "Check the network, or download the model and give its folder",
        ) from error
    return tokenizer, model.eval()


def _check_folder(folder: Path) -> None:
    missing = [name for name in _PARTS if not (folder / name).is_file()]
    if not (folder / "tokenizer.json").is_file() and not (folder / "vocab.txt").is_file():
        missing.append("tokenizer.json or vocab.txt")
    if missing:
        raise InputError(
            expected=f"a folder with {', '.join(_PARTS)} and a tokenizer",
            got=f"'{folder}' without {', '.join(missing)}",
            fix=f"Give the folder of {HUB_ID} with its weights in safetensors",
        )
    try:
        config = read_json(folder / "config.json")
        kind = config.get("model_type", "none") if isinstance(config, dict) else "none"
    except InputError:
        kind = "unreadable"
    if kind != "bert":
        raise InputError(expected="an encoder of the type bert in config.json", got=str(kind), fix=f"Give the folder of {HUB_ID}")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
