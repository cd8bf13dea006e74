"""Controls that several style operations have: said once, so that they read and behave alike."""

from .schema import Input, Output, Parameter

CONTENT = Input("content", "image", "Content", "the image whose structure is kept", scene=True)
MASK = Input("mask", "mask", "Mask", "white where the style shall act, of the shape of the content", required=False)
STYLE = Input("style", "image", "Style", "the image whose strokes and colours are used")
MORE_STYLES = Input("styles", "images", "More Styles", "further styles, numbered from 1 on; the style itself is 0", required=False)

STRENGTH = Parameter(
    "strength", "float", 1.0, "Strength", "0 keeps the content as it is, 1 is all style", minimum=0.0, maximum=1.0, unit="factor"
)
KEYED_STRENGTH = Parameter(
    "strength", "text", "1", "Strength", 'From 0 (the render, bit for bit) to 1; a number, or keys such as "1:0 24:1"', maximum=2000
)
LAYERS = Parameter(
    "layers",
    "choice",
    "all",
    "Layers",
    "What each file holds",
    choices={
        "all": "Multilayer EXR: stylised, delta, mask, confidence",
        "picture": "The stylised picture alone, also as PNG",
    },
)
STRUCTURE = Parameter(
    "structure", "float", 0.45, "Structure", "How closely the strokes follow the content", minimum=0.0, maximum=1.0, unit="factor"
)
REGIONS = Parameter(
    "regions",
    "text",
    "",
    "Regions",
    'Styles for objects: ids, a colon and the number of a style or keep, such as "1,4:0 2:1 7-9:keep"; ids not named have style 0',
    maximum=2000,
)
WEIGHTS = Parameter(
    "weights",
    "text",
    "",
    "Weights",
    'Shares of several styles where no regions are given, such as "70 30"; empty for equal ones',
    maximum=400,
    advanced=True,
)
STYLISED = Output("image", "image", ("png", "exr", "tif", "jpg"), "The stylised image, as large as the content and in its colour space")


def stroke_size(of: str) -> Parameter:
    """The size of strokes, in percent of the height of what ``of`` names: the image, or the frame."""
    return Parameter(
        "stroke_size",
        "float",
        2.5,
        "Stroke Size",
        f"Size of the smallest strokes in percent of the {of}'s height, so that a proxy and the full frame match",
        minimum=0.2,
        maximum=10.0,
        unit="percent",
    )


def color(**choices: str) -> Parameter:
    """Whose colours the result has; replacing them is always offered first."""
    return Parameter(
        "color", "choice", "replace", "Colour", "Whose colours the result has", choices={"replace": "The style's colours", **choices}
    )


def frames_wanted(help_text: str) -> Parameter:
    """Which frames of a shot are made."""
    return Parameter("frames_wanted", "text", "", "Frames", help_text, maximum=400)
