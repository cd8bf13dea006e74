"""``style.shot``: a range of frames painted in the manner of a picture, with paint that stays on the surfaces."""

from .schema import Input, Operation, Output, Parameter, frames_input, report
from .style_parameters import KEYED_STRENGTH, LAYERS, MORE_STYLES, REGIONS, STRUCTURE, STYLE, WEIGHTS, color, frames_wanted, stroke_size

OPERATION = Operation(
    name="style.shot",
    version=3,
    label="Style Shot",
    summary="Paint a shot in the manner of a picture, steady under motion",
    order=22,
    panel="style",
    apply="shot",
    inputs=(
        frames_input(
            "the shot: rendered frames with depth, motion vectors and object ids",
            ("color",),
            ("depth", "motion", "object_id", "normal", "mask"),
            whole=True,
        ),
        STYLE,
        Input("mask", "mask", "Mask", "white where the style shall act in every frame, of the shape of the frames", required=False),
        MORE_STYLES,
    ),
    parameters=(
        KEYED_STRENGTH,
        STRUCTURE,
        stroke_size("frame"),
        color(keep="The content's colours, the style's strokes"),
        Parameter(
            "objects",
            "text",
            "",
            "Objects",
            'Object ids on which the style acts, such as "3 7-9"; empty for all',
            maximum=2000,
        ),
        REGIONS,
        WEIGHTS,
        frames_wanted(
            'Frames to paint, such as "1-8 12"; empty for all. Give all frames of the shot nevertheless: then the parts fit together'
        ),
        LAYERS,
        Parameter(
            "anchors",
            "int",
            8,
            "Anchors",
            "Frames from one anchor to the next, at which new or worn paint is made",
            minimum=2,
            maximum=64,
            advanced=True,
        ),
        Parameter(
            "segment",
            "int",
            48,
            "Segment",
            "Most frames that grow out of one whole painting; also the most that a farm's chunk must look at",
            minimum=2,
            maximum=1000,
            advanced=True,
        ),
        Parameter(
            "repaint",
            "float",
            0.25,
            "Repaint",
            "Change of light, of 0 to 1, after which a position is painted anew",
            minimum=0.02,
            maximum=1.0,
            unit="factor",
            advanced=True,
        ),
    ),
    outputs=(
        Output("stylised", "sequence", ("exr", "png"), "The painted frames, as large as the render and scene-linear as EXR"),
        report(
            "Scenes, anchors, shares of styles, and the warping error next to the render's own at 1, 8 and 16 frames",
        ),
    ),
)
