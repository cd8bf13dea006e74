"""``reconstruct.texture``: the colour of frames baked onto a mesh."""

from .schema import Input, Operation, Output, Parameter, frames_input, report
from .surface_parameters import SURFACE_PARAMETERS, TEXTURE_OUTPUTS, TEXTURED_FORMATS

_SHARED = tuple(p for p in SURFACE_PARAMETERS if p.name in ("max_faces", "texture_size", "equal_exposure", "obj_up"))

OPERATION = Operation(
    name="reconstruct.texture",
    version=1,
    label="Bake Texture",
    summary="Bake the colour of frames with known cameras onto a mesh",
    order=43,
    verb="bake",
    panel="reconstruct",
    apply="reconstruction",
    inputs=(
        Input("mesh", "mesh", "Mesh", "the mesh, in the space of the cameras; its UVs are kept"),
        frames_input("frames with a picture and a camera each", ("color",), ("depth", "confidence", "mask")),
    ),
    parameters=(
        *_SHARED,
        Parameter("unwrap", "bool", False, "Unwrap Anew", "Make new UVs even if the mesh has some"),
        Parameter(
            "tolerance",
            "float",
            0.0,
            "Tolerance",
            "How far the mesh may lie from a frame's depth and still take its colour, in scene units; 0 goes by the mesh's detail",
            minimum=0.0,
            maximum=1e6,
            unit="length",
            advanced=True,
        ),
    ),
    outputs=(
        Output("mesh", "mesh", TEXTURED_FORMATS, "The mesh with UVs and texture"),
        *(output for output in TEXTURE_OUTPUTS if output.name != "normal_map"),
        report("Coverage, seams, how the UVs were made, gains of the frames, type and unit of their depth"),
    ),
)
