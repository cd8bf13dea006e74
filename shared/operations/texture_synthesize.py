"""``texture.synthesize``: new texture of any size from an exemplar."""

from .schema import Input, Operation, Output, Parameter

OPERATION = Operation(
    name="texture.synthesize",
    version=1,
    label="Texture",
    summary="Make a new, tileable texture of any size from an exemplar",
    inputs=(Input("exemplar", "image", "Exemplar", "a photograph or painting of the material, evenly lit"),),
    parameters=(
        Parameter("size", "size", [512, 512], "Size", "Width and height of the texture", minimum=32, maximum=8192, unit="px"),
        Parameter(
            "tile",
            "choice",
            "both",
            "Tile",
            "Directions in which the texture repeats without a seam",
            choices={"none": "Does not repeat", "x": "Left meets right", "y": "Top meets bottom", "both": "All sides meet"},
            bare="both",
        ),
        Parameter(
            "exemplar_scale",
            "float",
            1.0,
            "Exemplar Scale",
            "Size of the exemplar's features in the result",
            minimum=0.1,
            maximum=4.0,
            unit="factor",
        ),
        Parameter(
            "variety",
            "float",
            0.5,
            "Variety",
            "How strongly to avoid using a part of the exemplar more often than others",
            minimum=0.0,
            maximum=1.0,
            unit="factor",
            advanced=True,
        ),
        Parameter(
            "engine",
            "choice",
            "patch",
            "Engine",
            "How the texture is made",
            choices={"patch": "Multi-scale patch synthesis, no training"},
            advanced=True,
        ),
    ),
    outputs=(Output("base_color", "image", ("png", "exr", "tif", "jpg"), "The texture, in the exemplar's colour space"),),
)
