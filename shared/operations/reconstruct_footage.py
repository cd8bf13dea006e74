"""``reconstruct.footage``: a mesh from a clip whose camera is solved."""

from .schema import Input, Operation, Output, Parameter, frames_input, report
from .surface_parameters import MESH_FORMATS, MIN_COMPONENT, SURFACE_OUTPUTS, SURFACE_PARAMETERS

OPERATION = Operation(
    name="reconstruct.footage",
    version=1,
    label="Reconstruct Footage",
    summary="Rebuild a mesh from footage with a solved camera, or from a rectified stereo pair",
    order=41,
    panel="reconstruct",
    apply="reconstruction",
    inputs=(
        frames_input(
            "frames of the clip with a solved camera each, the lens distortion included; what a mask, or a renderer's motion vectors and "
            "ids, show to move by itself is left out",
            ("color",),
            ("mask", "motion", "object_id"),
        ),
        Input(
            "tracks", "tracks", "Tracks", "the solve's points and where they were tracked, for the depth range and a check", required=False
        ),
    ),
    parameters=(
        Parameter(
            "voxel",
            "float",
            0.0,
            "Voxel Size",
            "Edge of a voxel in scene units: details smaller than this are lost; 0 takes 1.5 pixels at the usual distance",
            minimum=0.0,
            maximum=1e3,
            unit="length",
        ),
        Parameter(
            "resolution",
            "int",
            960,
            "Resolution",
            "Longest side of the pictures that are matched; the time goes with its square",
            minimum=64,
            maximum=4096,
            unit="px",
        ),
        Parameter(
            "max_frames",
            "int",
            40,
            "Max Frames",
            "Take at most this many frames, spread evenly over the camera's path",
            minimum=2,
            maximum=1000,
        ),
        Parameter("fill", "bool", True, "Fill Plain Areas", "Fill holes by planes through their surroundings and mark them as invented"),
        Parameter("sources", "int", 4, "Sources", "Other frames that each frame is matched with", minimum=1, maximum=12, advanced=True),
        MIN_COMPONENT,
        *SURFACE_PARAMETERS,
    ),
    outputs=(
        Output(
            "mesh",
            "mesh",
            MESH_FORMATS,
            "The mesh, in world space and scene units, with confidence and invented parts as attributes",
        ),
        *SURFACE_OUTPUTS,
        report("Counts, overlap, reprojection error, and the mesh's error against the depth in scene units"),
    ),
)
