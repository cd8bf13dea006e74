"""How an operation describes itself.

One description validates requests on both sides, draws the add-on's panel, makes the command line's flags and
writes the reference page in docs/. ``shared/operations/__init__.py`` finds the operations.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from ..errors import InputError, ParameterError

ParameterValue = bool | int | float | str | list[int] | list[float] | None


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A control of an operation.

    Attributes:
        name: Python identifier; the flag is ``--name`` with dashes.
        kind: ``bool``, ``int``, ``float``, ``choice``, ``size`` (``[width, height]`` in pixels), ``text`` or ``color``
            (``[red, green, blue]``, display-encoded sRGB, 0..1).
        default: Of the kind's type; None for one that is ``optional``.
        label: Title case, for the panel.
        help: One line without a full stop, for tooltip, ``--help`` and docs.
        minimum: Smallest allowed number (each of the two for ``size``).
        maximum: Largest allowed number; for ``text`` the most characters.
        unit: ``px``, ``percent``, ``length`` (scene units), ``factor``, ``folder`` (for ``text``: may be a folder on disk) or ``""``.
        choices: For ``choice``: value to a one-line help text.
        bare: For ``choice``: what the flag means without a value (``--tile`` = ``--tile both``).
        advanced: Shown in a folded panel.
        optional: May be left open (None): the operation then decides, such as by the prompt.
        suggestion: For an optional one: where its slider stands before anybody moved it.
        placeholder: For ``text``: an example that the panel shows while the field is empty.
        engine: Of which engine it is; empty: of the operation. Set where engines are found, see ``engines.py``.
    """

    name: str
    kind: str
    default: ParameterValue
    label: str
    help: str
    minimum: float = -math.inf
    maximum: float = math.inf
    unit: str = ""
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    bare: str = ""
    advanced: bool = False
    optional: bool = False
    suggestion: ParameterValue = None
    placeholder: str = ""
    engine: str = ""

    def check(self, value: object) -> ParameterValue:
        """Gives the value in its exact type, or raises ``ParameterError`` with what was expected."""
        if value is None and self.optional:
            return None
        if self.kind == "bool" and isinstance(value, bool):
            return value
        if self.kind == "text" and isinstance(value, str) and len(value) <= self.maximum:
            return value
        if self.kind == "choice" and isinstance(value, str) and value in self.choices:
            return value
        if self.kind == "int" and _is_whole(value) and self.minimum <= value <= self.maximum:
            return int(value)
        if self.kind == "float" and _is_number(value) and self.minimum <= value <= self.maximum:
            return float(value)
        pair = self.kind == "size" and isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
        if pair and isinstance(value, Sequence) and all(_is_whole(v) and self.minimum <= v <= self.maximum for v in value):
            return [int(v) for v in value]
        triple = self.kind == "color" and isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 3
        if triple and isinstance(value, Sequence) and all(_is_number(v) and 0 <= v <= 1 for v in value):
            return [float(v) for v in value]
        raise ParameterError(expected=f"{self.name} to be {self.describe()}", got=repr(value)[:200])

    def describe(self) -> str:
        """What values are allowed, in words."""
        return f"{self._describe()}, or nothing" if self.optional else self._describe()

    def _describe(self) -> str:
        if self.kind == "color":
            return "three numbers from 0 to 1: red, green, blue (sRGB)"
        if self.kind == "text":
            return "text" if math.isinf(self.maximum) else f"text of at most {self.maximum:g} characters"
        if self.kind == "bool":
            return "true or false"
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        kind = {"int": "a whole number", "float": "a number", "size": "two whole numbers, width and height,"}[self.kind]
        if math.isinf(self.minimum) and math.isinf(self.maximum):
            return kind
        if math.isinf(self.maximum):
            return f"{kind} of at least {self.minimum:g}"
        return f"{kind} from {self.minimum:g} to {self.maximum:g}"


@dataclasses.dataclass(frozen=True)
class Input:
    """Something an operation works on.

    Attributes:
        name: Python identifier.
        kind: ``image``, ``images`` (list of ``Image``), ``mask`` (one channel, 0..1), ``frames`` (list of ``SceneFrame``), ``mesh``,
            ``tracks``, ``file`` (an ``EncodedFile`` that the operation reads itself), ``files`` (a list of them, names kept) or
            ``sequence`` (a list of them: pictures of one shot, named by their frame numbers).
        label: Title case, for the panel.
        help: One line without a full stop.
        required: Whether the job can run without it.
        channels: For ``frames``: the channels each frame must have.
        optional_channels: For ``frames``: the channels that are used when they are there.
        whole: For ``frames``: whether a frame whose files are missing is an error; else it is left out, with a note.
        scene: For ``image``: whether the panel offers to render it from the scene's camera.
        posed: For ``image``: whether it is of the camera of the input ``frames``, if that is given; a photograph otherwise.
        numbers: For ``image``: whether its pixels are no colour (depth, normals, maps, ids) and are used as they are stored.
    """

    name: str
    kind: str
    label: str
    help: str
    required: bool = True
    channels: tuple[str, ...] = ()
    optional_channels: tuple[str, ...] = ()
    whole: bool = False
    scene: bool = False
    posed: bool = False
    numbers: bool = False


@dataclasses.dataclass(frozen=True)
class Output:
    """Something an operation gives.

    Attributes:
        name: Python identifier; the file's stem when written to a folder.
        kind: ``image``, ``sequence`` (list of files, one for each frame), ``mesh``, ``file`` or ``report`` (a JSON object).
        formats: File suffixes it can be written as, the default first.
        help: One line without a full stop.
    """

    name: str
    kind: str
    formats: tuple[str, ...]
    help: str


def report(help_text: str) -> Output:
    """The output ``report`` that every operation has: a JSON object."""
    return Output("report", "report", ("json",), help_text)


def frames_input(help_text: str, needs: tuple[str, ...], uses: tuple[str, ...], *, whole: bool = False) -> Input:
    """The input ``frames``: scene frames that need some channels and use others that are there."""
    return Input("frames", "frames", "Frames", help_text, channels=needs, optional_channels=uses, whole=whole)


@dataclasses.dataclass(frozen=True)
class Operation:
    """What an artist can ask for.

    Attributes:
        name: ``family.verb``, as it travels on the wire.
        version: Raised when results for the same parameters change.
        label: Title case, for panel and job list.
        summary: One line without a full stop.
        inputs: What it works on.
        parameters: Its controls, in the panel's order. The seed is not one of them: every job has one.
        outputs: What it gives.
        verb: Word on the command line; left out: the name with dashes.
        panel: The add-on's capability that draws it (``materials``, ``style``, ``reconstruct``); empty: a panel made from this description.
        settings_of: Name of another operation whose inputs, seed and equal parameters it shares in the panel; empty: none.
        apply: How its results get into the scene: a name that one of the add-on's capabilities has a function for; empty: images and
            meshes become new datablocks.
        hidden: For tests and measurements only: no panel, no verb, no documentation.
        order: Where it stands among the others in panels, help and documentation; then by name.
        known_if: Environment variable that must be 1 for the operation to be known; empty: always known.
    """

    name: str
    version: int
    label: str
    summary: str
    inputs: tuple[Input, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    outputs: tuple[Output, ...] = ()
    verb: str = ""
    panel: str = ""
    settings_of: str = ""
    apply: str = ""
    hidden: bool = False
    order: int = 100
    known_if: str = ""

    def __post_init__(self) -> None:
        if not self.verb:
            object.__setattr__(self, "verb", self.name.replace(".", "-").replace("_", "-"))

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name, or ``ParameterError`` with the nearest ones."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = ", ".join(p.name for p in self.parameters) or "none"
        msg = f"{self.name} has no parameter {name!r}"
        raise ParameterError(msg, fix=f"Its parameters are: {known}")

    def check_parameters(self, given: Mapping[str, object]) -> dict[str, ParameterValue]:
        """All parameters, defaults filled in; ``ParameterError`` for anything unknown, mistyped or out of range."""
        if not isinstance(given, Mapping):
            raise ParameterError(expected="parameters as an object of name and value", got=type(given).__name__)
        for name in given:
            self.parameter(name)
        return {p.name: p.check(given.get(p.name, p.default)) for p in self.parameters}

    def check_input_names(self, given: Mapping[str, object]) -> None:
        """``InputError`` when a required input is missing or an unknown one was given."""
        known = {i.name: i for i in self.inputs}
        for name in given:
            if name not in known:
                msg = f"{self.name} has no input {name!r}"
                raise InputError(msg, fix=f"Its inputs are: {', '.join(known) or 'none'}")
        for name, item in known.items():
            if item.required and given.get(name) is None:
                msg = f"{self.name} needs the input {name!r}"
                raise InputError(msg, expected=item.help, got="nothing")

    def to_json(self) -> dict[str, object]:
        """The description as the backend announces it in ``welcome``."""
        data = dataclasses.asdict(self)
        for parameter in data["parameters"]:
            for bound in ("minimum", "maximum"):
                if math.isinf(parameter[bound]):
                    del parameter[bound]
        return data


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST  # which NaN is not


_LARGEST = 1e300  # larger whole numbers cannot become a float


def _is_whole(value: object) -> TypeGuard[float]:
    return _is_number(value) and value == int(value)
