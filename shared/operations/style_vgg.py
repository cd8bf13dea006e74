"""``style.vgg``: one image painted in the manner of others, as VGG19 sees it; the artist supplies its weights."""

from .schema import Input, Operation, Parameter
from .style_parameters import CONTENT, MASK, STRENGTH, STYLISED, color

OPERATION = Operation(
    name="style.vgg",
    version=1,
    label="Style With VGG",
    summary="Paint an image in the manner of others by a VGG19 network of your own",
    order=21,
    panel="style",
    inputs=(
        CONTENT,
        Input("style", "image", "Style", "the image whose features are used"),
        Input("second_style", "image", "Second Style", "another image whose features are used", required=False),
        MASK,
    ),
    parameters=(
        STRENGTH,
        Parameter("structure", "float", 0.4, "Structure", "How closely the content is followed", minimum=0.0, maximum=1.0, unit="factor"),
        Parameter(
            "scale",
            "float",
            1.0,
            "Style Scale",
            "Size of the style's features: 1 shows content and style at the same height",
            minimum=0.1,
            maximum=4.0,
        ),
        Parameter(
            "mix", "float", 0.5, "Style Mix", "Share of the second style, where there is one", minimum=0.0, maximum=1.0, unit="factor"
        ),
        Parameter(
            "method",
            "choice",
            "neighbours",
            "Method",
            "How style is compared",
            choices={
                "neighbours": "Each position is matched to its nearest neighbour in the style: whole features, most memory",
                "wasserstein": "The distribution of features is matched: softer, less memory",
            },
        ),
        color(keep="The content's colours, the style's light and dark"),
        Parameter("steps", "int", 120, "Steps", "Of the optimiser at each size", minimum=1, maximum=2000, advanced=True),
        Parameter("model", "text", "vgg19", "Model", "Name of the weights, as in: backlot models list", maximum=200, advanced=True),
    ),
    outputs=(STYLISED,),
)
