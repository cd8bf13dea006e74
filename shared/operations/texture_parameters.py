"""Controls and outputs that several material operations have: said once, so that they read and behave alike."""

from .schema import Output, Parameter

MAP_FORMATS = ("png", "exr", "tif")
COLOR_FORMATS = (*MAP_FORMATS, "jpg")
NORMALS = Parameter(
    "normals",
    "choice",
    "opengl",
    "Normals",
    "Convention of the normal map",
    choices={"opengl": "Green is up, as in Blender", "directx": "Green is down"},
    advanced=True,
)
HEIGHT_MAPS = (
    Output("height", "image", MAP_FORMATS, "Height, 0 lowest, 1 highest, 16 bits; report.depth_m gives metres"),
    Output("normal", "image", MAP_FORMATS, "Tangent-space normals, from the height at its true depth"),
    Output("roughness", "image", MAP_FORMATS, "Roughness"),
    Output("metallic", "image", MAP_FORMATS, "Metallic"),
    Output("ambient_occlusion", "image", MAP_FORMATS, "Ambient occlusion, from the height"),
)
"""What is derived or estimated of a material next to its base colour."""
