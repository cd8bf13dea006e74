"""Reconstruction in Blender: a solved clip, a plate or the scene itself becomes a textured mesh in the scene.

    clips         a solved clip as cameras, lens and tracks       footage      its pictures as files, step by step
    plate         one picture with the scene's camera             unwrap       Smart UV of a mesh, and its texture
    handlers      what becomes of results                         results      a job's outputs into the scene
    progress      the coarse mesh of a running job               facts        what a report says, in the scene's units
    jobfiles      what a job file asks to be captured             align        scale, floor and origin of a solve
    camera_object the camera that follows a solve                 names        its operations
    operators     the buttons that send jobs                      tools        the buttons of a result
    properties    what the scene stores                           panel        what the artist sees

Registering imports no numpy: ``clips``, ``footage``, ``plate``, ``unwrap``, ``results`` and ``jobfiles`` are loaded when needed.
"""

from . import align_operators, operators, properties
from .handlers import ReconstructionHandler
from .names import DEPTH, FOOTAGE, PLATE, TEXTURE
from .panel import panel_classes

__all__ = ["APPLY", "CLASSES", "OPERATIONS", "PROPERTIES", "panel_classes"]

CLASSES = (*properties.CLASSES, *align_operators.CLASSES)
PROPERTIES = {"backlot_reconstruct": properties.BACKLOT_PG_reconstruct}
"""What a scene stores: property and group."""
OPERATIONS = {
    DEPTH: operators.ReconstructOperator,
    FOOTAGE: operators.FootageOperator,
    PLATE: operators.PlateOperator,
    TEXTURE: operators.TextureOperator,
}
"""The operations that the panels here draw, and the bases of their operators."""
APPLY = {"reconstruction": ReconstructionHandler()}
"""By the names of ``Operation.apply``."""
