"""``texture.maps``: height, normal, roughness and metallic of a photographed material."""

from .schema import Input, Operation, Output, Parameter

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
        Parameter(
            "normals",
            "choice",
            "opengl",
            "Normals",
            "Convention of the normal map",
            choices={"opengl": "Green is up, as in Blender", "directx": "Green is down"},
            advanced=True,
        ),
        Parameter(
            "corners",
            "text",
            "",
            "Corners",
            "To straighten a slanted view: x,y of the top left, top right, bottom right and bottom left corner in percent of the photo",
            maximum=200,
            advanced=True,
        ),
    ),
    outputs=(
        Output(
            "base_color", "image", ("png", "exr", "tif", "jpg"), "Base colour without shading and highlights, in the photo's colour space"
        ),
        Output("height", "image", ("png", "exr", "tif"), "Height, 0 lowest, 1 highest, 16 bits; report.depth_m gives metres"),
        Output("normal", "image", ("png", "exr", "tif"), "Tangent-space normals, from the height at its true depth"),
        Output("roughness", "image", ("png", "exr", "tif"), "Roughness"),
        Output("metallic", "image", ("png", "exr", "tif"), "Metallic"),
        Output("ambient_occlusion", "image", ("png", "exr", "tif"), "Ambient occlusion, from the height"),
        Output("report", "report", ("json",), "Whether the maps tile, their size, width and depth, and notes on the photograph"),
    ),
)
