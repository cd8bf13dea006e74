"""The demo: photographs and a Blender scene through the real add-on, the real socket and the real backend.

Run by ``python3 dev.py demo`` in Blender as a module; ``BACKLOT_PYTHON`` names the backend's Python. Ends with a contact sheet,
a .blend, a .glb and one line for each in demo-output/.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "demo-output"
sys.path.insert(0, str(Path(__file__).parent))

import painting  # type: ignore[import-not-found]  # noqa: E402
import scene as still_life  # type: ignore[import-not-found]  # noqa: E402

FRAME = (576, 432)
SAMPLES = 20
SURFACES = ((still_life.WALL, "brick", (0.62, 0.27, 0.16)), (still_life.GROUND, "gravel", (0.5, 0.46, 0.4)))
"""Object, photograph and the scene-linear colour that the grey photograph is tinted with."""
PROMPT = "wet mossy cobblestone"
"""What the plinth is made of, in words."""
CHOSEN = 7
"""Seed of the variation that the plinth wears."""
SHOT = (320, 240)
SHOT_FRAMES = 8
BESIDE = 2.1
"""Metres to the right at which a copy of the rebuilt mesh stands beside the original."""


def main() -> int:
    """Runs every step; gives the exit code."""
    started = time.monotonic()
    OUT.mkdir(exist_ok=True)
    os.environ["BACKLOT_STATE_DIR"] = str(OUT / "backend")
    backlot = _package()
    photographs = _photographs()
    with step("build the scene"):
        scene = still_life.build()
        scene.render.resolution_x, scene.render.resolution_y = FRAME
        scene.cycles.samples = SAMPLES
    backlot.register()
    try:
        with step("start the backend in its own Python"):
            check(bpy.ops.backlot.start_backend())
        with step("render the scene as it is"):
            render(scene, "1-scene.png")
        for subject, photograph, tint in SURFACES:
            with step(f"photograph of {photograph} -> tileable texture -> {subject}"):
                select(subject)
                check(bpy.ops.backlot.texture(exemplar=str(photographs[photograph]), size=(384, 384), tile="both", seed=1))
                finish_material(bpy.data.objects[subject], tint, OUT / f"2-{photograph}-tile.png")
        with step(f'prompt "{PROMPT}" -> nine variations, and one of them -> {still_life.PLINTH}'):
            save(OUT / "2-variations.png", variations())
            select(still_life.PLINTH)
            check(bpy.ops.backlot.material(prompt=PROMPT, size=(512, 512), seed=CHOSEN))
        with step("render the scene with its textures"):
            render(scene, "3-textured.png")
        with step("paint a style (our own, CC0)"):
            save(OUT / "4-style.png", painting.paint())
        for color in ("replace", "keep"):
            with step(f"the camera's frame -> stylised frame, colours: {color}"):
                select()
                known = set(bpy.data.images)
                content = {"from_camera_content": True} if color == "replace" else {"content": str(OUT / "3-textured.png")}
                check(bpy.ops.backlot.style(**content, style=str(OUT / "4-style.png"), color=color, strength=1.0, seed=1))
                save_image(newest(set(bpy.data.images) - known), OUT / f"5-stylised-{color}.png")
        with step("depth from cameras around the objects -> mesh with a texture"):
            select(*still_life.STILL_LIFE)
            known_objects = set(bpy.data.objects)
            scene.backlot_reconstruct.unwrap = "BACKEND"
            orbit = {"mode": "orbit", "count": 20, "resolution": (320, 240), "samples": 4}
            check(bpy.ops.backlot.reconstruct(**orbit, voxel=0.008, texture=True, texture_size=1024, max_faces=40000, seed=1))
            mesh = newest(set(bpy.data.objects) - known_objects)
        with step("a move of the camera -> a shot in the same style"):
            style_shot(scene)
        with step("render the rebuilt mesh beside the original"):
            beside(scene, mesh)
        with step("write .glb and .blend"):
            export(mesh)
            bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "backlot-demo.blend"), compress=True)
        with step("contact sheet"):
            subprocess.run([os.environ["BACKLOT_PYTHON"], str(Path(__file__).parent / "contact_sheet.py"), str(OUT)], check=True)
    finally:
        bpy.ops.backlot.stop_backend()
        backlot.unregister()
    print(f"\nDone in {time.monotonic() - started:.0f} s:")
    print(f"  {OUT / 'contact-sheet.png'}   everything at a glance: photographs, tiles, the scene, its stylised frame, the rebuilt mesh")
    print(f"  {OUT / 'backlot-demo.blend'}  the scene with its textures, the stylised images, the rebuilt mesh in the collection Backlot")
    print(f"  {OUT / 'rebuilt.glb'}         the rebuilt mesh ({len(mesh.data.polygons):,} triangles, true scale, textured)")
    print(f"  {OUT / 'shot'}                the painted shot, EXR layers: stylised, delta, mask, confidence")
    return 0


def style_shot(scene: bpy.types.Scene) -> None:
    """A few frames of a camera that moves sideways, rendered with their passes and painted; they lie in demo-output/shot."""
    camera = scene.camera
    kept = camera.location.copy()
    for number, shift in ((1, -0.25), (SHOT_FRAMES, 0.25)):
        camera.location.x = kept.x + shift
        camera.keyframe_insert("location", frame=number)
    select()
    known = set(bpy.data.images)
    check(bpy.ops.backlot.style_shot(
        shot_start=1, shot_end=SHOT_FRAMES, shot_own_range=True, shot_own_size=True, shot_size=SHOT, shot_samples=8,
        style=str(OUT / "4-style.png"), seed=1,
    ))  # fmt: skip
    camera.animation_data_clear()
    camera.location = kept
    sequence = next(image for image in set(bpy.data.images) - known if image.source == "SEQUENCE" and "render" not in image.name.lower())
    first = Path(bpy.path.abspath(sequence.filepath))
    (OUT / "shot").mkdir(exist_ok=True)
    for file in sorted(first.parent.glob("*.exr")):
        shutil.copyfile(file, OUT / "shot" / file.name)


def variations() -> np.ndarray:
    """``(H, W, 3)`` uint8: nine seeds of the prompt under a light, through the Python client, as a script would ask for them."""
    from backlot.shared.client import Client
    from backlot.shared.connection import read_connection
    from backlot.shared.jobs import Job

    with Client(read_connection()) as client:
        job = Job("texture.variations", {"prompt": PROMPT, "count": 9, "size": [192, 192]}, seed=CHOSEN)
        sheet: np.ndarray = client.run(job)["sheet"].pixels
    return sheet


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announces a step and says how long it took."""
    print(f"  {text} ...", end="", flush=True)
    begin = time.monotonic()
    with _quiet():
        yield
    print(f" {time.monotonic() - begin:.1f} s", flush=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Blender's chatter about renders out of the way; it goes to demo-output/blender.log."""
    sys.stdout.flush()
    kept = os.dup(1)
    log = os.open(OUT / "blender.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(log)


def check(result: set[str]) -> None:
    """Operators say FINISHED or have raised their error."""
    if "FINISHED" not in result:
        sys.exit(f"the operator ended with {result}; see {OUT / 'blender.log'}")


def select(*names: str) -> None:
    """Selects exactly these objects."""
    for item in bpy.context.view_layer.objects:
        item.select_set(item.name in names)
    bpy.context.view_layer.objects.active = bpy.data.objects[names[0]] if names else None


def newest(things: set) -> bpy.types.ID:  # type: ignore[type-arg]
    """The one thing that an operator has just made; prefers what came from Backlot."""
    found = sorted(things, key=lambda t: ("backlot" not in t, t.name))
    if not found:
        sys.exit("the operator finished without a result")
    return found[0]


def render(scene: bpy.types.Scene, name: str) -> None:
    """Renders the scene camera to a PNG."""
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(OUT / name)
    bpy.ops.render.render(write_still=True)


def finish_material(item: bpy.types.Object, tint: tuple[float, float, float], tile: Path) -> None:
    """What an artist would add to the new material: the photograph is grey, so a tint; and relief from its luminance."""
    tree = item.material_slots[0].material.node_tree
    texture = next(n for n in tree.nodes if n.type == "TEX_IMAGE")
    shader = next(n for n in tree.nodes if n.type == "BSDF_PRINCIPLED")
    save_image(texture.image, tile)
    ramp, bump = tree.nodes.new("ShaderNodeValToRGB"), tree.nodes.new("ShaderNodeBump")
    ramp.color_ramp.elements[0].color = (*(0.05 * t for t in tint), 1)
    ramp.color_ramp.elements[1].position, ramp.color_ramp.elements[1].color = 0.75, (*tint, 1)
    bump.inputs["Strength"].default_value, bump.inputs["Distance"].default_value = 0.6, 0.02
    shader.inputs["Roughness"].default_value = 0.85
    tree.links.new(texture.outputs["Color"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], shader.inputs["Base Color"])
    tree.links.new(texture.outputs["Color"], bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])


def beside(scene: bpy.types.Scene, mesh: bpy.types.Object) -> None:
    """Stands a copy of the mesh beside the original and renders both; the mesh itself stays at its true place, hidden."""
    copy = bpy.data.objects.new("Rebuilt (beside the original)", mesh.data)
    mesh.users_collection[0].objects.link(copy)
    copy.matrix_world = mesh.matrix_world.copy()
    copy.location.x += BESIDE
    mesh.hide_render = True
    mesh.hide_set(True)
    camera = scene.camera
    kept = camera.matrix_world.copy(), camera.data.lens
    camera.location.x += BESIDE / 2
    camera.location.y -= 1.0
    camera.data.lens = 35
    scene.render.resolution_x = 960
    render(scene, "6-rebuilt-beside.png")
    camera.matrix_world, camera.data.lens = kept[0], kept[1]
    scene.render.resolution_x = FRAME[0]


def export(mesh: bpy.types.Object) -> None:
    """Writes the mesh as .glb with Blender's own exporter."""
    mesh.hide_set(False)
    select(mesh.name)
    bpy.ops.export_scene.gltf(filepath=str(OUT / "rebuilt.glb"), use_selection=True, export_format="GLB")


def save(path: Path, pixels: np.ndarray) -> None:
    """Writes ``(H, W, 3)`` uint8 sRGB, row 0 at the top, as PNG."""
    image = bpy.data.images.new(path.stem, pixels.shape[1], pixels.shape[0])
    flat = np.ones((*pixels.shape[:2], 4), np.float32)
    flat[..., :3] = pixels[::-1] / 255.0
    image.pixels.foreach_set(flat.reshape(-1))
    save_image(image, path)
    bpy.data.images.remove(image)


def save_image(image: bpy.types.Image, path: Path) -> None:
    """Writes an image datablock as PNG without touching it; float images go through the display transform."""
    if image.is_float:
        settings = bpy.context.scene.render.image_settings
        settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
        image.save_render(str(path))
    else:
        image.save(filepath=str(path), quality=100, save_copy=True)


def _photographs() -> dict[str, Path]:
    """Photographs in scikit-image's wheel (CC0), in the backend's Python."""
    code = "import skimage, pathlib; print(pathlib.Path(skimage.__file__).parent / 'data')"
    found = subprocess.run([os.environ["BACKLOT_PYTHON"], "-c", code], capture_output=True, text=True, check=True)
    return {name: Path(found.stdout.strip()) / f"{name}.png" for name in ("brick", "gravel", "grass")}


def _package():  # type: ignore[no-untyped-def]
    """The checkout as the package ``backlot``, whatever its folder is called."""
    spec = importlib.util.spec_from_file_location("backlot", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["backlot"] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
