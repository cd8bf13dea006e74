"""Materials in Blender: requested, chosen from variations, assigned at their true scale, remembered, kept as assets.

    properties    what the scene stores             history      entries that survive saving and undo
    operators     the buttons                       panel        what the artist sees
    handlers      what becomes of results           results      a job's outputs into the scene
    sliders       settings of the panel, from a report or an old entry
    maps          images of the maps                nodes        the node tree
    scale         metres per UV unit                assets       material to asset, with preview
    pictures      thumbnails: cut, kept as text     lighting     a lit picture of a stack of maps

Registering imports no numpy: ``results``, ``maps``, ``scale``, ``assets``, ``pictures`` and ``lighting`` are loaded when needed.
"""

from ..ui.operation_operators import OperationOperator
from . import operators, panel, properties
from .handlers import MaterialHandler, VariationsHandler
from .panel import panel_classes

__all__ = ["APPLY", "CLASSES", "OPERATIONS", "PROPERTIES", "panel_classes"]

CLASSES = (*properties.CLASSES, *operators.CLASSES, panel.BACKLOT_UL_materials)
PROPERTIES = {"backlot_materials": properties.BACKLOT_PG_materials}
"""What a scene stores: property and group."""
OPERATIONS = {"texture.generate": OperationOperator, "texture.variations": operators.VariationsOperator}
"""The operations that the panels here draw, and the bases of their operators."""
APPLY = {"material": MaterialHandler(), "variations": VariationsHandler()}
"""By the names of ``Operation.apply``."""
