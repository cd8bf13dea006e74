"""The material panel: variations to choose from, sliders that follow the prompt, history, and its buttons."""

import json

import bpy
import numpy as np
import pytest
from blender import stand_in
from blender.recorder import Recorder
from blender.test_material_apply import finish

from backlot.addon import capabilities
from backlot.addon.images import pictures
from backlot.addon.jobs import queue, records
from backlot.addon.jobs.inputs import load_inputs
from backlot.addon.materials import history
from backlot.addon.materials import panel as material_panel
from backlot.addon.materials import pictures as thumbnails
from backlot.addon.ui import controls, icons
from backlot.shared.errors import InputError
from backlot.shared.operations import OPERATIONS
from backlot.shared.values import Image

GENERATE, VARIATIONS = OPERATIONS["texture.generate"], OPERATIONS["texture.variations"]


@pytest.fixture
def sent(scene, monkeypatch):
    """What is sent, answered at once by a stand-in for the backend."""
    requests = []
    answers = {"texture.generate": stand_in.material, "texture.variations": stand_in.variations}

    def send(_scene, record):
        request = json.loads(record.request)
        requests.append((record.operation, request))
        inputs = load_inputs(request["inputs"])
        OPERATIONS[record.operation].check_parameters(request["parameters"])
        OPERATIONS[record.operation].check_input_names(inputs)
        queue.RESULTS[record.name] = answers[record.operation](**said)
        bpy.ops.backlot.apply("EXEC_DEFAULT", True, job_id=record.name)
        return "sent"

    said = {}
    requests_and_answers = type("Sent", (), {"requests": requests, "said": said})
    monkeypatch.setattr(queue, "send", send)
    return requests_and_answers


def move(settings, name, value):
    """An artist moves a slider, which ticks it."""
    setattr(settings, name, value)
    if not controls.FOLLOWS:
        setattr(settings, controls.USE + name, True)


def drawn(scene):
    """Everything that the material panel draws, folded parts too: names of properties and operators."""
    names = []
    for cls in capabilities.panel_classes():
        if cls.__name__.startswith("BACKLOT_PT_material_view_3d"):
            stand_in_panel = type("Panel", (), {"layout": Recorder(names)})()
            getattr(bpy.types, cls.__name__).draw(stand_in_panel, bpy.context)
    return names


def test_an_optional_parameter_is_none_until_it_is_ticked(scene):
    settings = scene.texture_generate
    values = controls.parameter_values(GENERATE, *controls.sources(GENERATE, scene))
    assert values["roughness"] is None
    assert values["color"] is None
    move(settings, "roughness", 0.25)
    move(settings, "color", (0.2, 0.4, 0.6))
    assert settings.use_roughness
    values = GENERATE.check_parameters(controls.parameter_values(GENERATE, *controls.sources(GENERATE, scene)))
    assert values["roughness"] == pytest.approx(0.25)
    assert values["color"] == pytest.approx([0.2, 0.4, 0.6])
    settings.use_color = False
    assert controls.parameter_values(GENERATE, *controls.sources(GENERATE, scene))["color"] is None


def test_a_call_ticks_what_it_gives_and_may_untick(scene, sent):
    move(scene.texture_generate, "wear", 0.9)
    bpy.ops.backlot.material(prompt="brick", roughness=0.1, seed=5)
    bpy.ops.backlot.material(prompt="brick", use_wear=False, use_metallic=True)
    (_, first), (_, second) = sent.requests
    assert (first["parameters"]["roughness"], first["parameters"]["wear"]) == pytest.approx((0.1, 0.9))
    assert first["seed"] == 5
    assert first["parameters"]["metallic"] is None
    assert second["parameters"]["wear"] is None
    assert second["parameters"]["metallic"] is not None


def test_variations_take_the_panel_and_new_seeds(scene, sent):
    settings = scene.texture_generate
    settings.prompt, settings.layout, settings.size = "wet brick", "herringbone", (1024, 512)
    settings.input_photo = pictures.receive(Image(np.full((32, 32, 3), 90, np.uint8)), "Photo")
    scene.texture_variations.count = 4
    for _ in range(2):
        bpy.ops.backlot.variations()
    scene.backlot_materials.lock_seed = True
    settings.seed = 77
    for _ in range(2):
        bpy.ops.backlot.variations()
    requests = [request for _, request in sent.requests]
    assert {name for name, _ in sent.requests} == {"texture.variations"}
    parameters = requests[0]["parameters"]
    assert (parameters["prompt"], parameters["layout"], parameters["count"]) == ("wet brick", "herringbone", 4)
    assert parameters["size"] == VARIATIONS.parameter("size").default  # thumbnails, not the material's size
    assert requests[0]["inputs"] == {"photo": {"image": "Photo"}}
    assert requests[0]["seed"] != requests[1]["seed"]
    assert [request["seed"] for request in requests[2:]] == [77, 77]


def test_choose_make_and_more_like_this(scene, sent):
    cube, settings = bpy.data.objects["Cube"], scene.texture_generate
    settings.prompt = "old red brick"
    bpy.ops.backlot.variations()
    entry = history.find(scene, scene.backlot_materials.shown)
    assert (entry.kind, entry.picked, settings.seed) == ("variations", 0, 11)
    assert settings.roughness == pytest.approx(0.1)
    assert not settings.use_roughness  # shown, not set by hand
    bpy.ops.backlot.pick_variation(entry_id=entry.name, number=2)
    assert (entry.picked, settings.seed) == (2, 13)
    assert settings.roughness == pytest.approx(0.3)
    assert "backlot.pick_variation" in drawn(scene)
    move(settings, "wetness", 0.7)  # the slider wins
    bpy.ops.backlot.pick_variation(entry_id=entry.name, number=1)
    assert settings.wetness == pytest.approx(0.7)
    settings.likeness = 0.5
    bpy.ops.backlot.more_like_this()
    _, request = sent.requests[-1]
    assert (request["parameters"]["like_seed"], request["parameters"]["likeness"]) == (12, 0.5)
    assert request["parameters"]["wetness"] == pytest.approx(0.7)
    bpy.ops.backlot.material()
    operation, request = sent.requests[-1]
    assert operation == "texture.generate"
    # The same request as the variation that was chosen, so that it looks the same.
    assert (request["seed"], request["parameters"]["like_seed"]) == (11, 12)
    assert request["parameters"]["roughness"] is None
    assert cube.active_material.name == "Old red brick"
    bpy.ops.backlot.more_like_this()
    _, request = sent.requests[-1]
    assert (request["parameters"]["like_seed"], request["parameters"]["like_path"]) == (12, "11:0.5")  # on from where that led
    settings.likeness = 0.9
    bpy.ops.backlot.pick_variation(entry_id=scene.backlot_materials.shown, number=2)
    bpy.ops.backlot.more_like_this()
    assert sent.requests[-1][1]["parameters"]["like_path"] == "11:0.5,13:0.5"
    bpy.ops.backlot.variations(use_like_seed=False)  # the panel's button: anything again
    assert sent.requests[-1][1]["parameters"]["like_seed"] is None
    assert not settings.use_like_seed
    bpy.ops.backlot.release_sliders()
    assert not settings.use_wetness


def test_words_that_mean_nothing_are_shown_until_they_are_gone(scene, sent):
    scene.texture_generate.prompt = "brick with zorblax"
    sent.said["unknown"] = ["zorblax"]
    bpy.ops.backlot.variations()
    assert "zorblax" in records.find(scene.backlot_jobs.items[0].name)[1].result
    lines = []
    layout = _labels(lines)
    material_panel.draw(layout, bpy.context)
    assert ("Not known to the model: zorblax", "ERROR") in lines
    scene.texture_generate.prompt = "brick"
    lines.clear()
    material_panel.draw(layout, bpy.context)
    assert not any("Not known" in text for text, _ in lines)


def _labels(lines):
    class Labels(Recorder):
        def label(self, text="", icon="NONE", **_options):
            lines.append((text, icon))

        def __getattr__(self, name):
            return (lambda **_options: self) if name in ("row", "column", "box", "grid_flow") else lambda *_a, **_o: None

    return Labels()


def test_the_panel_says_what_it_holds(scene, sent):
    names = drawn(scene)
    for operation in (GENERATE, VARIATIONS):
        for parameter in operation.parameters:
            assert parameter.name in names
            assert (controls.USE + parameter.name in names) is parameter.optional
    for item in GENERATE.inputs:
        assert controls.INPUT + item.name in names
    assert {"backlot.variations", "backlot.material", "backlot.more_like_this", "lock_seed", "displacement", "occlusion"} <= set(names)
    assert "backlot.mark_asset" not in names
    bpy.ops.backlot.material(prompt="brick")
    assert {"backlot.mark_asset", "backlot.use_settings", "backlot.remove_entry"} <= set(drawn(scene))


def test_progress_and_errors_are_where_the_artist_looks(scene):
    records.add(scene, "under-way", "texture.variations", "Variations", "running", {})
    names = drawn(scene)
    assert "backlot.cancel_job" in names
    assert "backlot.variations" not in names  # the progress replaces it: nothing below moves
    assert "backlot.material" in names
    lines = []
    records.update("under-way", state="failed", error="No such model")
    material_panel.draw(_labels(lines), bpy.context)
    assert ("No such model", "ERROR") in lines
    records.update("under-way", state="done")
    assert "backlot.cancel_job" not in drawn(scene)


def test_thumbnails_are_cut_from_the_sheet(scene, sent):
    bpy.ops.backlot.variations(prompt="brick")
    entry = history.find(scene, scene.backlot_materials.shown)
    found = thumbnails.from_text(entry.picture, 4)
    assert found.shape == (4, 128, 128, 3)
    assert [int(picture.mean()) for picture in found] == [20, 40, 60, 80]
    assert material_panel.entry_icon(entry, 3) or bpy.app.background  # Blender makes no icons without a window
    assert thumbnails.from_text("no picture", 4) is None
    assert thumbnails.from_text(entry.picture, 3) is None
    with pytest.raises(InputError, match="5 variations"):
        thumbnails.cut(np.zeros((8, 8, 3), np.uint8), 2, 2, 5)
    icons.free()


def test_shrinking_keeps_the_mean_and_the_place():
    pixels = np.random.default_rng(1).integers(0, 255, (100, 60, 3)).astype(np.uint8)
    small = thumbnails.shrink(pixels, 25)
    assert small.shape == (25, 15, 3)
    assert np.abs(small[0, 0].astype(float) - pixels[:4, :4].mean((0, 1))).max() <= 0.5
    assert thumbnails.shrink(pixels, 100) is pixels
    assert thumbnails.shrink(pixels, 33).shape == (33, 20, 3)


def test_a_broken_answer_is_a_failed_job(scene, sent):
    sent.said["seeds"] = []
    with pytest.raises(RuntimeError, match="report of their seeds"):
        bpy.ops.backlot.variations(prompt="brick")
    assert scene.backlot_jobs.items[0].state == "failed"
    assert not len(scene.backlot_materials.items)


def test_history_survives_saving_and_gives_the_settings_back(scene, sent, tmp_path):
    settings = scene.texture_generate
    settings.prompt, settings.morph_prompt, settings.morph, settings.size = "old red brick", "moss", 0.25, (128, 64)
    move(settings, "color", (0.3, 0.2, 0.1))
    settings.input_photo = pictures.receive(Image(np.full((32, 32, 3), 90, np.uint8)), "Photo")
    bpy.ops.backlot.variations()
    bpy.ops.backlot.material(seed=12)
    before = {entry.name: entry.picture for entry in scene.backlot_materials.items}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=False)
    assert not len(bpy.context.scene.backlot_materials.items)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    scene = bpy.context.scene
    assert {entry.name: entry.picture for entry in scene.backlot_materials.items} == before
    sheet, made = scene.backlot_materials.items
    assert (sheet.kind, made.kind, made.seed, made.title) == ("variations", "material", 12, "old red brick")
    assert thumbnails.from_text(made.picture, 1).shape == (1, 64, 64, 3)
    settings = scene.texture_generate
    settings.prompt, settings.morph, settings.use_color, settings.size = "sand", 1, False, (32, 32)
    move(settings, "wear", 0.5)
    settings.input_photo, settings.seed = None, 1
    bpy.ops.backlot.use_settings(entry_id=made.name)
    assert (settings.prompt, settings.morph_prompt, settings.morph, settings.seed) == ("old red brick", "moss", 0.25, 12)
    assert tuple(settings.size) == (128, 64)
    assert tuple(settings.color) == pytest.approx((0.3, 0.2, 0.1))
    assert (settings.use_color, settings.use_wear) == (True, False)
    assert settings.input_photo == bpy.data.images["Photo"]
    bpy.ops.backlot.use_settings(entry_id=sheet.name)
    assert (tuple(settings.size), settings.seed) == ((128, 64), 11)  # the thumbnails' size is not the material's
    assert scene.backlot_materials.shown == sheet.name
    bpy.data.images.remove(bpy.data.images["Photo"])
    assert bpy.ops.backlot.use_settings(entry_id=made.name) == {"FINISHED"}
    assert settings.input_photo is None
    with pytest.raises(RuntimeError, match="no such entry"):
        bpy.ops.backlot.use_settings(entry_id="gone")


def test_undo_takes_the_material_and_leaves_the_history(scene):
    bpy.ops.ed.undo_push(message="before")
    finish(scene, stand_in.material(), [bpy.data.objects["Cube"]], prompt="brick")
    made = scene.backlot_materials.items[0].name
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    assert "Brick" not in bpy.data.materials
    [entry] = scene.backlot_materials.items
    assert (entry.name, entry.title) == (made, "brick")
    assert thumbnails.from_text(entry.picture, 1) is not None
    bpy.ops.ed.redo()
    assert [entry.name for entry in bpy.context.scene.backlot_materials.items] == [made]
    assert "Brick" in bpy.data.materials


def test_undo_brings_a_deleted_entry_back(scene, sent):
    bpy.ops.backlot.variations(prompt="brick")
    bpy.ops.ed.undo_push(message="with the entry")
    bpy.ops.backlot.remove_entry()
    bpy.ops.ed.undo_push(message="without")
    assert not len(bpy.context.scene.backlot_materials.items)
    assert bpy.context.scene.backlot_materials.shown == ""
    bpy.ops.ed.undo()
    assert len(bpy.context.scene.backlot_materials.items) == 1
    bpy.ops.ed.redo()
    assert not len(bpy.context.scene.backlot_materials.items)


def test_a_long_history_loses_its_oldest(scene, sent, monkeypatch):
    monkeypatch.setitem(history.LIMITS, "variations", 2)
    bpy.ops.backlot.material(prompt="brick")
    for number in range(3):
        bpy.ops.backlot.variations(prompt=f"brick {number}")
    assert [entry.title for entry in scene.backlot_materials.items] == ["brick", "brick 1", "brick 2"]


def test_entries_that_nothing_can_be_read_of(scene, sent):
    """A file from another version, or edited by a script: nothing fails, nothing is shown."""
    bpy.ops.backlot.variations(prompt="brick")
    entry = scene.backlot_materials.items[0]
    entry.request, entry.report, entry.picture = "{", "[]", "?"
    drawn(scene)
    assert bpy.ops.backlot.use_settings(entry_id=entry.name) == {"FINISHED"}
    entry.report = json.dumps({"seeds": [1, 2], "attributes": [{"roughness": "much", "unheard of": 1}]})
    drawn(scene)
    bpy.ops.backlot.pick_variation(entry_id=entry.name, number=0)
    bpy.ops.backlot.pick_variation(entry_id=entry.name, number=9)
    assert scene.texture_generate.seed == 1
