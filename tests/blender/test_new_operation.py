"""An operation of an unknown family: two files in a folder elsewhere, and the add-on has its panel, its operator and its result."""

import json

from blender import own_process

SCHEMA = """
from .schema import Input, Operation, Output, Parameter

OPERATION = Operation(
    name="toy.glow",
    version=1,
    label="Toy Glow",
    summary="Turn a picture into its negative",
    inputs=(Input("picture", "image", "Picture", "the picture", scene=True),),
    parameters=(
        Parameter("depth", "float", 0.5, "Depth", "How deep", minimum=0.0, maximum=1.0),
        Parameter("words", "text", "", "Words", "What to write", placeholder="for example this"),
        Parameter("fine", "bool", False, "Fine", "Whether it is fine", advanced=True),
    ),
    outputs=(Output("picture", "image", ("png",), "The negative"),),
)
"""
RUN = """
def run(inputs, parameters, context):
    picture = inputs["picture"]
    return {"picture": type(picture)(255 - picture.pixels, picture.color_space)}
"""
LOOK = """
import json
import bpy, numpy as np
import backlot
from blender.recorder import Recorder
backlot.register()
drawn = []
for kind in ("view_3d", "view_3d_advanced", "image_editor"):
    panel = getattr(bpy.types, "BACKLOT_PT_toy_glow_" + kind)
    panel.draw(type("Panel", (), {"layout": Recorder(drawn)})(), bpy.context)
properties = bpy.ops.backlot.toy_glow.get_rna_type().properties
group = bpy.context.scene.toy_glow
found = {"drawn": sorted(set(drawn)), "operator": sorted(set(properties.keys()) - {"rna_type"}), "depth": group.depth}
found["hard_max"] = group.bl_rna.properties["depth"].hard_max
"""
SEND = """
image = bpy.data.images.new("Grey", 8, 4)
image.pixels.foreach_set(np.tile(np.float32([0.2, 0.4, 0.6, 1.0]), 32))
image.pack()
before = set(bpy.data.images)
found["result"] = list(bpy.ops.backlot.toy_glow(picture="Grey", seed=3))
made, = set(bpy.data.images) - before
found["pixel"], found["made"] = [round(value, 4) for value in made.pixels[:3]], json.loads(made["backlot"])
from backlot.addon.jobs.link import BACKEND
BACKEND.stop()
"""


def _look(folder, script):
    for name, text in (("shared/operations/toy_glow.py", SCHEMA), ("backend/materials/operations/toy_glow.py", RUN)):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    state = folder / "state"
    state.mkdir()
    return json.loads(own_process.printed(script, BACKLOT_OPERATIONS=str(folder), BACKLOT_STATE_DIR=str(state)).splitlines()[-1])


def test_two_files_are_panel_operator_settings_and_result(tmp_path):
    found = _look(tmp_path, LOOK + SEND + "print(json.dumps(found))")
    names = {"depth", "words", "fine", "seed"}
    assert names | {"input_picture", "from_camera_picture", "backlot.toy_glow", "backlot.new_seed"} <= set(found["drawn"])
    assert names | {"picture", "from_camera_picture"} <= set(found["operator"])
    assert (found["depth"], found["hard_max"]) == (0.5, 1.0)
    assert found["result"] == ["FINISHED"]
    assert found["pixel"] == [0.8, 0.6, 0.4]
    assert found["made"]["operation"] == "toy.glow"
    assert found["made"]["parameters"] == {"depth": 0.5, "words": "", "fine": False}
