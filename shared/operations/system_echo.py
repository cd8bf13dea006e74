"""``system.echo``: gives back what it is given, to measure the wire."""

from .schema import Input, Operation, Output, Parameter
from .surface_parameters import OBJ_UP

OPERATION = Operation(
    name="system.echo",
    version=1,
    label="Echo",
    summary="Give an image back, to measure the way there and back",
    order=90,
    inputs=(
        Input("image", "image", "Image", "any image, or none", required=False),
        Input("images", "images", "Images", "any images, or none", required=False),
        Input("frames", "frames", "Frames", "any scene frames, or none", required=False),
        Input("files", "sequence", "Files", "any files of a sequence, or none", required=False),
        Input("mesh", "mesh", "Mesh", "any mesh, or none", required=False),
        Input("tracks", "tracks", "Tracks", "any solved tracks, or none", required=False),
    ),
    parameters=(
        Parameter("negate", "bool", False, "Negate", "Flip the sign (or all bits) of each pixel, so that the result is a new picture"),
        Parameter("emit", "int", 0, "Emit", "Give the image so many times before the end, evenly in time", minimum=0, maximum=1000),
        Parameter("seconds", "float", 0.0, "Seconds", "Work for so long before answering", minimum=0, maximum=3600),
        OBJ_UP,
    ),
    outputs=(
        Output("image", "image", ("exr", "png"), "The image"),
        Output("images", "sequence", ("png", "exr"), "The images"),
        Output("frames", "sequence", ("exr", "png"), "The colour of the frames, as it came"),
        Output("files", "sequence", ("exr", "png"), "The files"),
        Output("mesh", "mesh", ("ply", "obj", "glb"), "The mesh"),
        Output("tracks", "report", ("json",), "How many points and observations there were"),
    ),
    hidden=True,
)
