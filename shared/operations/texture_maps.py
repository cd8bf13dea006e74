"""``texture.maps``: height, normal, roughness and metallic of a photographed material."""

from .schema import Input, Operation, Output, Parameter, report
from .texture_parameters import HEIGHT_MAPS, NORMALS

OPERATION = Operation(
    name="texture.maps",
    version=1,
    label="Maps from Photo",
    summary="Estimate base colour, height, normal, roughness and metallic from one photograph",
    order=13,
    verb="maps",
    apply="material",
    inputs=(Input("photo", "image", "Photo", "a photograph of a flat piece of material, seen from straight above"),),
    parameters=(
        Parameter(
            "flatten",
            "float",
            0.5,
            "Flatten Light",
            "How much of slow changes of brightness to remove before the maps are estimated",
            minimum=0.0,
            maximum=1.0,
            unit="factor",
        ),
        Parameter(
            "tileable",
            "bool",
            False,
            "Tileable",
            "Join opposite borders so that the maps tile, a little smaller; a photo that tiles already is found out and kept whole",
        ),
        Parameter("relief", "float", 1.0, "Relief", "Depth of the relief against the estimate", minimum=0.0, maximum=8.0, unit="factor"),
        Parameter("width", "float", 1.0, "Width", "How wide the photographed piece is", minimum=0.001, maximum=1000.0, unit="length"),
        NORMALS,
        Parameter(
            "corners",
            "text",
            "",
            "Corners",
            "To rectify a slanted view: x,y of the top left, top right, bottom right and bottom left corner in percent of the photo",
            maximum=200,
            advanced=True,
        ),
    ),
    outputs=(
        Output(
            "base_color", "image", ("png", "exr", "tif", "jpg"), "Base colour without shading and highlights, in the photo's colour space"
        ),
        *HEIGHT_MAPS,
        report("Whether the maps tile, their size, width and depth, and notes on the photograph"),
    ),
)
