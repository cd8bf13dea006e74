"""The calls of ``outputs.py``: every operation by job file and by its verb, what it refuses, and what the command line prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

MAPS = {name: f"in/stones_{name}.png" for name in ("normal", "roughness", "metallic", "occlusion")} | {"height": "in/stones_height.exr"}
SMALL: dict[str, Any] = {"texture_size": 128, "min_component": 10}


@dataclasses.dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        name: Also of the folder of its results; what stands before the slash is the operation, or the verb.
        job: Entries of a job file; its paths are relative to the work folder.
        command: Instead: words after ``backlot``; ``{out}`` is the folder of its results.
        code: The exit code that it has; where it is not 0, what is written to stderr counts as a result too.
    """

    name: str
    job: Mapping[str, Any] | None = None
    command: str = ""
    code: int = 0


def job(name: str, inputs: Mapping[str, Any] | None = None, formats: Mapping[str, str] | None = None, code: int = 0, **parameters: Any
        ) -> Case:  # fmt: skip
    """A case that is a job file, of the operation before the slash."""
    entries = {"operation": name.split("/")[0], "inputs": inputs or {}, "formats": formats or {}, "parameters": parameters, "seed": 3}
    return Case(name, {"backlot_job": 1, **entries, "outputs": f"out/{name}"}, code=code)


def every(names: str, suffix: str) -> dict[str, str]:
    """One format for several outputs."""
    return dict.fromkeys(names.split(), suffix)


CASES = (
    # Materials
    job("texture.generate/prompt", prompt="wet mossy cobblestone", size=[512, 512]),
    job("texture.generate/blend", None, every("base_color height normal", "exr"), prompt="rock covered in snow", size=[128, 96],
        normals="directx", growth=0.2, color=[0.5, 0.4, 0.3]),
    job("texture.generate/photo", {"photo": "in/stones.png"}, every("base_color height roughness", "tif"), prompt="old stones",
        size=[128, 128], wear=0.6),
    job("texture.generate/morph", {"pattern": "in/bricks.png", "morph_mask": "in/morph.png"}, {"base_color": "jpg"}, prompt="red bricks",
        morph_prompt="rusty metal plates", morph=0.8, size=[128, 128], layout="running_bond"),
    job("texture.generate/morph-photo", {"morph_photo": "in/stones.png"}, prompt="dry grass", morph=0.5, size=[96, 96]),
    job("texture.generate/likeness", prompt="oak planks", size=[96, 96], like_seed=9, like_path="40:0.7", likeness=0.6, layout="planks"),
    job("texture.variations/prompt", prompt="woven basket", count=4, size=[64, 64]),
    job("texture.variations/photo", {"photo": "in/stones.png"}, {"sheet": "jpg"}, count=2, size=[64, 64]),
    Case("material/verb", command="material 'cracked clay' --size 64x96 --seed 8 --format exr --out {out}"),
    job("texture.generate/refused", code=2, prompt="stone", layout="spiral"),
    # Textures
    job("texture.synthesize/tile", {"exemplar": "in/stones.png"}, size=[192, 160], originality=0.6, variety=0.8),
    job("texture.synthesize/rotation", {"exemplar": "in/stones.png"}, {"base_color": "tif"}, size=[96, 96], tile="x", rotation="any"),
    job("texture.synthesize/scales", {"exemplar": "in/content.exr"}, {"base_color": "exr"}, size=[128, 96], tile="none", rotation="mirror",
        scale_variation=0.5, exemplar_scale=0.7),
    job("texture.synthesize/labels", {"exemplar": "in/stones.png", "exemplar_labels": "in/stones_labels.png", "labels": "in/labels.png"},
        {"base_color": "jpg"}, size=[128, 128]),
    job("texture.synthesize/keep", {"exemplar": "in/stones.png", "keep": "in/keep.png"}, size=[128, 128]),
    job("texture.synthesize/extend", {"exemplar": "in/stones.png"}, size=[192, 160], extend=True),
    job("texture.synthesize/maps", {"exemplar": "in/stones.png", **MAPS}, size=[96, 128], rotation="quarter"),
    Case("texture/verb", command="texture in/stones.png --size 64 --tile --rotation half --out {out}"),
    job("texture.synthesize/refused", {"exemplar": "in/stones.png", "keep": "in/mask.png"}, code=2, size=[64, 64]),
    job("texture.maps/photo", {"photo": "in/stones.png"}, flatten=0.7, width=2.0),
    job("texture.maps/tileable", {"photo": "in/content.exr"}, every("base_color height normal", "exr"), tileable=True, relief=2.0,
        corners="5,5 95,0 100,100 0,95", normals="directx"),
    # Style
    job("style.image/plain", {"content": "in/content.png", "style": "in/painting_0.png"}),
    job("style.image/several", {"content": "in/content.exr", "style": "in/painting_0.png", "styles": ["in/painting_1.png"],
        "mask": "in/mask.png"}, {"image": "exr"}, strength=0.7, weights="70 30", color="keep", orientation="content"),
    job("style.image/regions", {"content": "in/content.png", "style": "in/painting_0.png", "styles": ["in/painting_1.png"],
        "passes": "in/passes.exr"}, {"image": "tif"}, regions="1:1 2:keep", detail=0.0, color="luminance"),
    job("style.image/ids", {"content": "in/content.png", "style": "in/painting_1.png", "ids": "in/ids.png"}, {"image": "jpg"},
        regions="3:keep", orientation="angle", angle=30.0, stroke_size=5.0),
    Case("style/verb", command="style in/content.exr in/painting_1.png --color keep --out {out}/styled.exr"),
    job("style.image/refused", {"content": "in/content.png", "style": "in/painting_0.png"}, code=2, regions="1:0"),
    Case("models/import", command="models import in/vgg19.pth"),
    job("style.vgg/neighbours", {"content": "in/content.png", "style": "in/painting_0.png"}, steps=2),
    job("style.vgg/wasserstein", {"content": "in/content.png", "style": "in/painting_0.png", "second_style": "in/painting_1.png",
        "mask": "in/mask.png"}, {"image": "exr"}, steps=2, method="wasserstein", color="keep", strength=0.8),
    job("style.shot/plain", {"frames": "in/shot", "style": "in/painting_0.png"}, anchors=3),
    job("style.shot/regions", {"frames": "in/shot", "style": "in/painting_0.png", "styles": ["in/painting_1.png"], "mask": "in/mask.png"},
        {"stylised": "png"}, layers="picture", regions="1:1 2:keep", strength="1:0.2 6:1", frames_wanted="2-5", color="keep", segment=4),
    job("style.shot/refused", {"frames": "in/exact", "style": "in/painting_0.png"}, code=2),
    job("style.keyframes/train", {"frames": "in/shot", "keyframes": ["in/painted/key_0001.png", "in/painted/key_0006.png"]}, steps=4),
    job("style.keyframes/render", {"frames": "in/shot", "model": "out/style.keyframes/train/model.safetensors"}, {"stylised": "png"},
        minutes=0.0, layers="picture", strength="1:0 6:1", frames_wanted="3-6"),
    # Movies
    job("sequence.movie/beside", {"pictures": "out/style.shot/plain", "beside": "in/shot"}, fps=12.0),
    Case("movie/verb", command="movie out/style.shot/regions --fps 23.976 --quality low --out {out}/preview.mp4"),
    # Reconstruction
    job("reconstruct.depth/exact", {"frames": "in/exact"}, every("mesh lod_1 lod_2 proxy", "glb") | {"texture": "tif"},
        noise="exact", texture=True, normal_map=True, lods=True, proxy=True, max_faces=3000, proxy_faces=800, **SMALL),
    job("reconstruct.depth/noisy", {"frames": "in/noisy"}, every("mesh lod_1 proxy", "obj"), lods=True, proxy=True, proxy_parts=True,
        drop_moving=True, max_depth=6.0, **SMALL),
    job("reconstruct.depth/bent", {"frames": "in/bent"}, {"mesh": "usdz", "texture": "png"}, texture=True, max_faces=2000, **SMALL),
    job("reconstruct.depth/objects", {"frames": "in/exact"}, objects="2,3", separate=True, voxel=0.05, **SMALL),
    job("reconstruct.footage/tracks", {"frames": "in/footage", "tracks": "in/tracks.json"}, {"mesh": "glb", "texture": "png"}, texture=True,
        max_faces=2000, sources=3, **SMALL),
    job("reconstruct.footage/pair", {"frames": {"source": "in/left.png", "right": "in/right.png", "focal": 120, "baseline": 0.2}},
        {"mesh": "usda"}, fill=False, **SMALL),
    job("reconstruct.footage/bent", {"frames": "in/footage_bent"}, voxel=0.06, **SMALL),
    job("reconstruct.footage/colmap", {"frames": "in/colmap"}, {"mesh": "usdz"}, **SMALL),
    job("reconstruct.depth/refused", {"frames": "in/footage"}, code=2),
    Case("reconstruct/verb", command="reconstruct in/exact --texture --texture-size 128 --max-faces 1500 --lods --out {out}/scene.usdz"),
    job("reconstruct.plate/relief", {"image": "in/content.png", "frames": "in/shot_first", "tracks": "in/tracks.json",
        "depth": "in/disparity.exr"}, every("mesh lod_1", "usdz"), depth_kind="inverse_affine", resolution=96, lods=True),
    job("reconstruct.plate/frame", {"frames": "in/shot_first"}, {"mesh": "obj", "depth": "tif"}, fill=False, backdrop=False, resolution=64),
    job("reconstruct.plate/cards", {"image": "in/content.exr", "depth": "in/disparity.exr"}, {"mesh": "glb"}, mode="cards",
        depth_kind="inverse", fov=50.0, distance=2.5, layers=3),
    job("reconstruct.plate/network", {"image": "in/content.png"}, {"mesh": "ply"}, model="green", fov=50.0, near=1.0, far=6.0,
        resolution=64),
    job("reconstruct.plate/refused", {"image": "in/content.png"}, code=2),
    job("reconstruct.texture/unwrapped", {"mesh": "in/ball.obj", "frames": "in/exact"}, {"mesh": "usda", "texture": "tif"},
        texture_size=128),
    job("reconstruct.texture/kept", {"mesh": "out/reconstruct.depth/exact/mesh.glb", "frames": "in/noisy"}, {"mesh": "obj"},
        texture_size=128, equal_exposure=False, tolerance=0.1),
    Case("bake/verb", command="bake out/reconstruct.depth/objects/mesh.ply in/exact --texture-size 128 --out {out}/baked.ply"),
    # Models and what the command line says
    Case("models/list", command="models list"),
    Case("models/verify", command="models verify"),
    Case("models/show", command="models show materials"),
    Case("train/data", command="train materials --data procedural:1 --collect-only {out}/dataset.safetensors"),
    Case("train/steps", command="train materials --data out/train/data/dataset.safetensors --steps 2 --minutes 500 --batch 2 --crop 64"
         " --width 0.25 --log train --out {out}/small.safetensors"),
    Case("help/overview", command="--help"),
    *(Case(f"help/{verb}", command=f"{verb} --help") for verb in ("material", "texture", "style-shot", "reconstruct", "models")),
)  # fmt: skip
