"""The rooms that have panels, operators and results of their own, and the classes that Blender gets of all operations.

An operation says in its schema which capability draws its panel (``Operation.panel``) and which handler applies its results
(``Operation.apply``). One that names neither needs no code here: panel, operator and settings are made from the schema, and its images
and meshes become datablocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..shared.operations import Operation
from . import materials, reconstruct, style
from .jobs.handlers import HANDLERS, Handler
from .ui import controls, panels
from .ui.operation_operators import OperationOperator, operator_class


class Capability(Protocol):
    """What the package of a capability has."""

    @property
    def CLASSES(self) -> Sequence[type]:  # noqa: N802
        """Property groups, operators and lists of its own, in the order of registering."""

    @property
    def PROPERTIES(self) -> Mapping[str, type]:  # noqa: N802
        """What a scene stores: property and group, which is one of the classes."""

    @property
    def OPERATIONS(self) -> Mapping[str, type[OperationOperator]]:  # noqa: N802
        """The operations that its panels draw, and the bases of their operators."""

    @property
    def APPLY(self) -> Mapping[str, Handler]:  # noqa: N802
        """Handlers of results, by the names of ``Operation.apply``."""

    def panel_classes(self, space: str, sidebar: type) -> list[type]:
        """The panels of one editor (``VIEW_3D``, ``IMAGE_EDITOR``, ``CLIP_EDITOR``); ``sidebar`` is their base."""


CAPABILITIES: dict[str, Capability] = {"reconstruct": reconstruct, "materials": materials, "style": style}
"""By the names of ``Operation.panel``. The order counts for panels of equal ``bl_order``: the active object's result is above Material."""


def add_handlers() -> None:
    """Lets the capabilities handle the results of their jobs."""
    for capability in CAPABILITIES.values():
        HANDLERS.update(capability.APPLY)


def operator_classes() -> list[type]:
    """The operators that send jobs."""
    return [operator_class(operation, _drawn(operation) or OperationOperator) for operation in controls.visible_operations()]


def panel_classes() -> list[type]:
    """All panels, for all editors."""
    classes: list[type] = [panels.BACKLOT_UL_jobs]
    for space in panels.SPACES:
        classes += panels.common_panels(space)
        for capability in CAPABILITIES.values():
            classes += capability.panel_classes(space, panels.Sidebar)
        if space != "CLIP_EDITOR":
            for order, operation in enumerate(generic_operations(), start=2):
                # Pictures of the scene are taken where the scene is.
                if space == "VIEW_3D" or not any(item.kind == "frames" for item in operation.inputs):
                    classes += panels.operation_panels(operation, space, order)
    return classes


def generic_operations() -> list[Operation]:
    """The operations with panels that are made from their schemas."""
    return [operation for operation in controls.visible_operations() if _drawn(operation) is None]


def _drawn(operation: Operation) -> type[OperationOperator] | None:
    """The base of an operation's operator, where the capability that the operation names draws it; else None."""
    capability = CAPABILITIES.get(operation.panel)
    return capability.OPERATIONS.get(operation.name) if capability is not None else None
