"""Materials through a real backend: the panel's way and the farm's way."""

import json
import subprocess

import bpy
import numpy as np
import pytest
from blender import stand_in
from blender.conftest import BACKEND_PYTHON, ROOT

from backlot.addon import cli
from backlot.addon.images import pictures
from backlot.addon.materials import history, maps
from backlot.addon.materials import pictures as thumbnails
from backlot.shared.operations import OPERATIONS

SIZE = (96, 64)


@pytest.fixture(scope="module")
def model(backend):
    """A small untrained model, known to the backend by its name."""
    subprocess.run([BACKEND_PYTHON, str(ROOT / "tests" / "blender" / "small_model.py")], check=True, cwd=ROOT.parent)
    return "small"


def test_show_choose_make(scene, model):
    settings, cube = scene.texture_generate, bpy.data.objects["Cube"]
    settings.prompt, settings.size, settings.model = "wet mossy zorblax bricks", SIZE, model
    scene.texture_variations.count, scene.texture_variations.size = 4, (64, 64)
    assert bpy.ops.backlot.variations() == {"FINISHED"}
    entry = history.find(scene, scene.backlot_materials.shown)
    report = history.report_of(entry)
    assert len(report["seeds"]) == 4
    assert "zorblax" in report["unknown"]
    sheet = thumbnails.from_text(entry.picture, 4)
    assert sheet.shape == (4, 64, 64, 3)
    assert len({picture.tobytes() for picture in sheet}) == 4
    bpy.ops.backlot.pick_variation(entry_id=entry.name, number=2)
    assert settings.seed == report["seeds"][2]
    assert settings.wetness == pytest.approx(report["attributes"][2]["wetness"], abs=1e-5)
    bpy.ops.backlot.material()
    made = scene.backlot_materials.items[-1]
    assert (made.kind, made.seed) == ("material", settings.seed)
    # The material is the variation that was chosen: the same attributes for the same seed and request.
    assert history.report_of(made)["attributes"] == report["attributes"][2]
    images = maps.of_material(cube.active_material)
    assert {"base_color", "height", "normal", "ambient_occlusion"} <= set(images)
    assert {tuple(image.size) for image in images.values()} == {SIZE}
    width = history.report_of(made)["width_m"]
    mapping = next(node for node in cube.active_material.node_tree.nodes if node.type == "MAPPING")
    assert mapping.inputs["Scale"].default_value[0] == pytest.approx(8 / width, rel=1e-3)  # the default cube: 8 m to a UV unit
    bpy.ops.backlot.more_like_this()
    near = history.report_of(history.find(scene, scene.backlot_materials.shown))
    assert near["seeds"] != report["seeds"]


def test_a_slider_wins_over_the_prompt(scene, model):
    settings = scene.texture_generate
    settings.prompt, settings.size, settings.model = "wet brick", (64, 64), model
    settings.wetness, settings.use_wetness = 0.0, True
    bpy.ops.backlot.material()
    assert history.report_of(scene.backlot_materials.items[0])["attributes"]["wetness"] == 0
    assert settings.use_wetness


@pytest.mark.parametrize("operation", ["texture.generate", "texture.variations"])
def test_a_job_file_applies_without_a_window(scene, model, tmp_path, operation):
    parameters = {"prompt": "old brick", "size": [64, 64], "model": model}
    job = {
        "backlot_job": 1, "operation": operation, "parameters": parameters, "seed": 3, "outputs": "out", "apply": True,
        "save": "out/scene.blend",
    }  # fmt: skip
    (tmp_path / "job.json").write_text(json.dumps(job))
    assert cli.main(["run", str(tmp_path / "job.json")]) == 0
    names = {output.name for output in OPERATIONS[operation].outputs}
    assert {path.stem for path in (tmp_path / "out").iterdir()} >= names
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "scene.blend"))
    scene = bpy.context.scene
    [entry] = scene.backlot_materials.items
    assert (entry.title, entry.seed) == ("old brick", 3)
    if operation == "texture.generate":
        assert bpy.data.objects["Cube"].active_material.name == "Old brick"
    bpy.ops.backlot.use_settings()
    assert (scene.texture_generate.prompt, scene.texture_generate.model) == ("old brick", model)


def test_a_model_that_is_not_there_is_named(scene, model):
    with pytest.raises(RuntimeError, match="small"):
        bpy.ops.backlot.material(prompt="brick", model="unheard-of")
    assert scene.backlot_jobs.items[0].state == "failed"


def test_the_same_settings_give_the_same_pixels(scene, model):
    pixels = []
    for _ in range(2):
        bpy.ops.backlot.material(prompt="brick", size=(64, 64), model=model, seed=4)
        image = maps.of_material(bpy.data.objects["Cube"].active_material)["base_color"]
        pixels.append(np.array(image.pixels))
    assert np.array_equal(*pixels)


def test_maps_of_a_photograph_become_a_material(scene, backend):
    pictures.receive(stand_in.bricks(128, 128)["base_color"], "Wall")
    bpy.ops.backlot.maps_from_photo(photo="Wall", width=2.0)
    record = scene.backlot_jobs.items[0]
    assert record.state == "done", record.error
    material = bpy.data.objects["Cube"].active_material
    assert {"base_color", "height", "normal"} <= set(maps.of_material(material))
    mapping = next(node for node in material.node_tree.nodes if node.type == "MAPPING")
    assert mapping.inputs["Scale"].default_value[0] == pytest.approx(4, rel=1e-3)  # 8 m to a UV unit, 2 m wide
