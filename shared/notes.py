"""Notes: sentences about what was left out, repaired or assumed while inputs were read, for the person who will use the result.

A reader calls ``note`` wherever it goes on with less or with something else than the file says. Whoever started the reading collects the
notes: the command line prints them, a worker adds them to the report of the job. Nobody else has to pass them on.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

NAMED = 3
"""So many files are named in a note about many."""


class Notes:
    """What was noted, in order; the same of several files is one sentence."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, None]] = {}

    def add(self, sentence: str, name: str = "") -> None:
        """Adds a note; see ``note``."""
        names = self._names.setdefault(sentence, {})
        if name:
            names[name] = None

    def sentences(self) -> list[str]:
        """The notes, each with the files that it is about: ``a.png, b.png, c.png and 4 more: the profile ...``."""
        return [_in_words(sentence, list(names)) for sentence, names in self._names.items()]


def note(sentence: str, name: str = "") -> None:
    """Adds a note for whoever collects them; without a collector nothing happens.

    Args:
        sentence: What was left out, repaired or assumed, and what to do about it; the same text for every file that it happens to.
        name: The file, or the part of one, that it is about.
    """
    notes = _collector.get()
    if notes is not None:
        notes.add(sentence, name)


@contextlib.contextmanager
def collect_notes() -> Iterator[Notes]:
    """Collects what ``note`` is called with inside of the block, in this thread and in calls made with ``with_notes``."""
    notes = Notes()
    token = _collector.set(notes)
    try:
        yield notes
    finally:
        _collector.reset(token)


def with_notes(call: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The call for another thread, such as a pool's, with this thread's collector."""
    notes = _collector.get()

    def run(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        token = _collector.set(notes)
        try:
            return call(*args, **kwargs)
        finally:
            _collector.reset(token)

    return run


def add_to_reports(outputs: dict[str, Any], sentences: list[str]) -> None:
    """Puts notes in front of the ``notes`` of every report among an operation's outputs, each once."""
    for value in outputs.values() if sentences else ():
        if isinstance(value, dict):
            present = value.get("notes")
            own = [text for text in present if isinstance(text, str)] if isinstance(present, list) else []
            value["notes"] = list(dict.fromkeys([*sentences, *own]))


def _in_words(sentence: str, names: list[str]) -> str:
    if not names:
        return sentence
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}: {sentence}"


_collector: contextvars.ContextVar[Notes | None] = contextvars.ContextVar("backlot_notes", default=None)
