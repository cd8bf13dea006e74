"""``style.image``: one image painted in the manner of another."""

from .schema import Input, Operation, Parameter
from .style_parameters import CONTENT, MASK, MORE_STYLES, REGIONS, STRENGTH, STRUCTURE, STYLE, STYLISED, WEIGHTS, color, stroke_size

OPERATION = Operation(
    name="style.image",
    version=2,
    label="Style",
    summary="Paint an image in the manner of another",
    inputs=(
        CONTENT,
        STYLE,
        MASK,
        MORE_STYLES,
        Input("ids", "image", "Ids", "whole numbers that tell objects apart, such as an Object Index pass or flat grays", required=False),
        Input("passes", "file", "Passes", "the render's multilayer EXR: strokes end at edges of depth, normals and ids", required=False),
    ),
    parameters=(
        STRENGTH,
        STRUCTURE,
        stroke_size("image"),
        color(keep="The content's colours, the style's strokes", luminance="The style's light and dark, the content's colours unsoftened"),
        Parameter(
            "edges",
            "float",
            0.5,
            "Edges",
            "How strictly strokes end at the content's edges",
            minimum=0.0,
            maximum=1.0,
            unit="factor",
        ),
        Parameter(
            "detail",
            "float",
            0.5,
            "Detail",
            "How readily finer strokes are painted where coarse ones would lose something such as a face; 0 for none",
            minimum=0.0,
            maximum=1.0,
            unit="factor",
        ),
        Parameter(
            "orientation",
            "choice",
            "none",
            "Orientation",
            "Where strokes run; other than none, turned copies of the style are used as well, which takes longer",
            choices={"none": "As in the style", "content": "Along the content's contours", "angle": "All at one angle"},
        ),
        Parameter(
            "angle",
            "float",
            0.0,
            "Angle",
            "Of strokes in degrees, counter-clockwise from horizontal, with the orientation angle",
            minimum=-180.0,
            maximum=180.0,
        ),
        REGIONS,
        WEIGHTS,
        Parameter(
            "region_ids",
            "choice",
            "object",
            "Region Ids",
            "Which ids of the passes the regions go by",
            choices={"object": "Object Index", "material": "Material Index"},
            advanced=True,
        ),
    ),
    outputs=(STYLISED,),
)
