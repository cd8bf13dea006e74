"""``style.image``: one image painted in the manner of another."""

from .schema import Input, Operation, Output, Parameter

OPERATION = Operation(
    name="style.image",
    version=1,
    label="Style",
    summary="Paint an image in the manner of another",
    inputs=(
        Input("content", "image", "Content", "the image whose structure is kept"),
        Input("style", "image", "Style", "the image whose strokes and colours are used"),
        Input("mask", "mask", "Mask", "white where the style shall act, as large as the content", required=False),
    ),
    parameters=(
        Parameter(
            "strength", "float", 1.0, "Strength", "0 keeps the content as it is, 1 is all style", minimum=0.0, maximum=1.0, unit="factor"
        ),
        Parameter(
            "structure",
            "float",
            0.45,
            "Structure",
            "How closely the strokes follow the content",
            minimum=0.0,
            maximum=1.0,
            unit="factor",
        ),
        Parameter(
            "stroke_size",
            "float",
            2.5,
            "Stroke Size",
            "Size of the smallest strokes in percent of the image's height, so that a proxy and the full frame match",
            minimum=0.2,
            maximum=10.0,
            unit="percent",
        ),
        Parameter(
            "color",
            "choice",
            "replace",
            "Colour",
            "Whose colours the result has",
            choices={"replace": "The style's colours", "keep": "The content's colours, the style's strokes"},
        ),
    ),
    outputs=(
        Output("image", "image", ("png", "exr", "tif", "jpg"), "The stylised image, as large as the content and in its colour space"),
    ),
)
