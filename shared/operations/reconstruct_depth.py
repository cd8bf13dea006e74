"""``reconstruct.depth``: a mesh from exact depth and cameras."""

from .schema import Input, Operation, Output, Parameter

OPERATION = Operation(
    name="reconstruct.depth",
    version=1,
    label="Reconstruct",
    summary="Rebuild a mesh from depth maps with known cameras",
    inputs=(
        Input(
            "frames",
            "frames",
            "Frames",
            "frames with depth and a camera each",
            channels=("depth",),
            optional_channels=("color", "confidence"),
        ),
    ),
    parameters=(
        Parameter(
            "voxel",
            "float",
            0.01,
            "Voxel Size",
            "Edge of a voxel in scene units: details smaller than this are lost",
            minimum=1e-5,
            maximum=1e3,
            unit="length",
        ),
        Parameter(
            "truncation",
            "float",
            3.0,
            "Truncation",
            "Thickness of the band around the surface, in voxels; more for noisy depth",
            minimum=2.0,
            maximum=16.0,
            advanced=True,
        ),
        Parameter(
            "max_depth",
            "float",
            0.0,
            "Max Depth",
            "Ignore what is farther from the camera, in scene units; 0 takes all",
            minimum=0.0,
            maximum=1e6,
            unit="length",
        ),
        Parameter(
            "min_component",
            "int",
            100,
            "Smallest Part",
            "Drop separate parts with fewer triangles",
            minimum=0,
            maximum=10_000_000,
            advanced=True,
        ),
    ),
    outputs=(
        Output("mesh", "mesh", ("ply", "obj", "glb"), "The mesh, in world space and scene units"),
        Output("report", "report", ("json",), "Counts, bounds and the mesh's error against the source depth in scene units"),
    ),
)
