"""What every operation that gives a mesh can do with it afterwards: one set of parameters and outputs for all of them."""

from .schema import Output, Parameter

MESH_FORMATS = ("ply", "obj", "glb", "usda", "usdz")
"""Suffixes a mesh can be written as; textures go along with all but ``ply``, which keeps UVs and vertex colours."""

MIN_COMPONENT = Parameter(
    "min_component",
    "int",
    100,
    "Smallest Part",
    "Drop separate parts with fewer triangles",
    minimum=0,
    maximum=10_000_000,
    advanced=True,
)
OBJ_UP = Parameter(
    "obj_up",
    "choice",
    "y",
    "OBJ Up Axis",
    "The axis that points up in .obj files, read and written; other formats say theirs or have but one",
    choices={"y": "y up, -z forward, as Blender and most programs read and write .obj", "z": "z up, as in Blender's scenes"},
    advanced=True,
)
"""Of every operation that takes a mesh or gives one as .obj; decoding and delivery look for it by its name."""
SURFACE_PARAMETERS = (
    Parameter(
        "max_faces",
        "int",
        0,
        "Max Faces",
        "Simplify the mesh to at most this many triangles; 0 keeps all, or 100,000 where a texture is baked",
        minimum=0,
        maximum=20_000_000,
    ),
    Parameter("lods", "bool", False, "Levels of Detail", "Give two coarser meshes too, with a quarter and a twentieth of the triangles"),
    Parameter("proxy", "bool", False, "Proxy", "Give a closed mesh in one part too, for collisions, booleans and shadows"),
    Parameter(
        "proxy_faces", "int", 5_000, "Proxy Faces", "About how many triangles the proxy has", minimum=100, maximum=500_000, advanced=True
    ),
    Parameter(
        "proxy_parts",
        "bool",
        False,
        "Proxy Parts",
        "Keep all separate parts in the proxy, each closed, instead of the one that follows most of the mesh",
        advanced=True,
    ),
    Parameter("texture", "bool", False, "Bake Texture", "Unwrap the mesh and bake its colour from the frames"),
    Parameter("texture_size", "int", 2048, "Texture Size", "Width and height of the texture", minimum=64, maximum=8192, unit="px"),
    Parameter(
        "normal_map",
        "bool",
        False,
        "Normal Map",
        "Bake the fine mesh's normals in tangent space, for the simplified one",
        advanced=True,
    ),
    Parameter(
        "equal_exposure",
        "bool",
        True,
        "Equalise Exposure",
        "Find a gain for each frame, so that exposure or white balance that drifts leaves no seams",
        advanced=True,
    ),
    OBJ_UP,
)
"""Spliced into the schemas of ``reconstruct.depth``, ``reconstruct.footage`` and ``reconstruct.plate``."""

TEXTURED_FORMATS = ("glb", *(suffix for suffix in MESH_FORMATS if suffix != "glb"))
"""For a mesh that always has a texture: first the one file that carries it."""
TEXTURE_OUTPUTS = (
    Output("texture", "image", ("exr", "png", "tif"), "Base colour, scene-linear"),
    Output("normal_map", "image", ("png", "exr", "tif"), "Normals of the fine mesh in tangent space, +Y up, if asked for"),
    Output("texture_confidence", "image", ("png", "exr", "tif"), "How well each texel was seen, 0 where its colour is made up"),
)
SURFACE_OUTPUTS = (
    Output("lod_1", "mesh", MESH_FORMATS, "A quarter of the triangles, if asked for"),
    Output("lod_2", "mesh", MESH_FORMATS, "A twentieth of the triangles, if asked for"),
    Output("proxy", "mesh", MESH_FORMATS, "Closed, manifold and in one piece, if asked for"),
    *TEXTURE_OUTPUTS,
)
"""To be spliced in behind the output ``mesh``."""
