"""Style in Blender: a frame range painted in the manner of a picture, or of frames that the artist painted, back as EXR sequences.

    shot          the frames: rendered, or captured before        strength      keys of a slider as the text that a job takes
    keyframes     painted frames: made from a frame, and sent     files         results on disk, as they arrive
    handlers      what becomes of results                         results       a job's outputs into the file
    facts         what its report says                            exr           headers of its files
    placing       Image Editor, sequencer, compositor, projection
    names         its operations                                  operators     the buttons that send jobs
    properties    what the scene stores                           painting      the buttons of the lists
    using         the buttons of a result                     movie         a movie of a result
    panel         what the artist sees

Registering imports no numpy: ``keyframes`` and ``results`` are loaded when they are needed.
"""

from . import movie, operators, painting, panel, properties, shot_operators
from .handlers import MovieHandler, ShotHandler
from .names import IMAGE, KEYFRAMES, MOVIE, SHOT, VGG
from .panel import panel_classes

__all__ = ["APPLY", "CLASSES", "OPERATIONS", "PROPERTIES", "panel_classes"]

CLASSES = (*properties.CLASSES, *painting.CLASSES, *shot_operators.CLASSES, panel.BACKLOT_UL_keyframes, panel.BACKLOT_UL_styles)
PROPERTIES = {"backlot_style": properties.BACKLOT_PG_style}
"""What a scene stores: property and group."""
OPERATIONS = {
    IMAGE: operators.PictureOperator,
    VGG: operators.PictureOperator,
    SHOT: operators.ShotOperator,
    KEYFRAMES: operators.KeyframesOperator,
    MOVIE: movie.MovieOperator,
}
"""The operations that the panels here draw, and the bases of their operators."""
APPLY = {"shot": ShotHandler(), "movie": MovieHandler()}
"""By the names of ``Operation.apply``."""
