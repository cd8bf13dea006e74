"""Results while the artist goes on: other modes, libraries, deleted scenes, several kinds of objects; and failures that leave nothing."""

import json

import bpy
import numpy as np
import pytest
from blender import stand_in

from backlot.addon.jobs import queue, records, waiting
from backlot.addon.materials import scale
from backlot.addon.scene import evaluated
from backlot.shared.values import Image, Mesh

pytestmark = pytest.mark.contract  # depends on Blender's version
MODES = ("EDIT", "SCULPT", "VERTEX_PAINT", "WEIGHT_PAINT", "TEXTURE_PAINT")
TRIANGLES = Mesh(
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32), np.array([[0, 1, 2]], np.int32),
    uvs=np.array([[[0, 0], [1, 0], [0, 1]]], np.float32),
)  # fmt: skip
PICTURE = Image(np.full((8, 8, 3), 90, np.uint8), "srgb")


def sent(scene, operation, targets=(), label="Result", **request):
    """A job that runs; its id."""
    request = {"parameters": {}, "seed": 1, "inputs": {}, "targets": records.receivers(list(targets)), **request}
    return records.add(scene, f"test-{len(records.LIVE)}-{operation}", operation, label, "running", request).name


def arrived(job_id, outputs):
    """The backend answers."""
    queue.on_event(type("Finished", (), {"job_id": job_id, "outputs": outputs, "provenance": {}, "seconds": 1.0})())


def counts():
    names = [item.identifier for item in bpy.data.bl_rna.properties if item.type == "COLLECTION"]
    return {name: len(getattr(bpy.data, name)) for name in names}


@pytest.mark.parametrize("mode", MODES)
def test_a_material_arrives_in_every_mode_and_undo_takes_it_back(scene, mode):
    cube = bpy.data.objects["Cube"]
    before = cube.material_slots[0].material.name
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.object.mode_set(mode=mode)
    bpy.ops.ed.undo_push(message="mode")
    job = sent(scene, "texture.generate", [cube])
    arrived(job, stand_in.material())
    queue.apply_results()
    record = records.find(job)[1]
    assert (record.state, cube.mode) == ("done", mode), record.error
    assert cube.material_slots[0].material.name != before
    bpy.ops.ed.undo()
    cube = bpy.data.objects["Cube"]
    assert (cube.material_slots[0].material.name, cube.mode) == (before, mode)


def test_the_scale_in_edit_mode_is_that_of_what_is_being_modelled(scene):
    cube = bpy.data.objects["Cube"]
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.transform.resize(value=(3, 3, 3))
    assert evaluated.depsgraph_of(cube) is not None
    job = sent(scene, "texture.generate", [cube])
    arrived(job, stand_in.material())
    queue.apply_results()
    material = cube.material_slots[0].material
    repeated = next(node for node in material.node_tree.nodes if node.type == "MAPPING").inputs["Scale"].default_value
    # The factory cube's UVs are a cross of 4 squares across: 8 m for the whole square, 24 m after it was made three times as large.
    assert repeated[0] == pytest.approx(24 / stand_in.WIDTH_M, rel=1e-3)


def test_a_mesh_that_is_edited_is_replaced_when_its_mode_is_left(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    target = records.targets([cube])[0]
    job = sent(scene, "reconstruct.texture", origin={"kind": "object", "target": target})
    bpy.ops.object.mode_set(mode="EDIT")
    arrived(job, {"mesh": TRIANGLES, "texture": PICTURE})
    queue.apply_results()
    record = records.find(job)[1]
    assert record.state == "ready"
    assert "'Cube' is back in Object Mode" in record.error
    assert len(cube.data.vertices) == 8
    bpy.ops.object.mode_set(mode="OBJECT")
    queue.apply_results()
    assert (record.state, record.error, len(cube.data.vertices)) == ("done", "", 3)


def test_apply_now_leaves_the_mode_and_comes_back(scene):
    cube = bpy.data.objects["Cube"]
    job = sent(scene, "reconstruct.texture", origin={"kind": "object", "target": records.targets([cube])[0]})
    bpy.ops.object.mode_set(mode="SCULPT")
    arrived(job, {"mesh": TRIANGLES, "texture": PICTURE})
    queue.apply_results()
    assert records.find(job)[1].state == "ready"
    assert bpy.ops.backlot.apply_now(job_id=job) == {"FINISHED"}
    assert (records.find(job)[1].state, len(cube.data.vertices), cube.mode) == ("done", 3, "SCULPT")
    with pytest.raises(RuntimeError, match="no result that waits"):
        bpy.ops.backlot.apply_now(job_id=job)
    bpy.ops.object.mode_set(mode="OBJECT")


def test_a_result_waits_for_the_action_that_is_under_way(scene, monkeypatch):
    job = sent(scene, "texture.generate", [bpy.data.objects["Cube"]])
    arrived(job, stand_in.material())
    monkeypatch.setattr(waiting, "under_way", lambda: "Move")
    queue.apply_results()
    record = records.find(job)[1]
    assert (record.state, record.error) == ("ready", "The result waits for the end of 'Move'")
    monkeypatch.undo()
    queue.apply_results()
    assert record.state == "done"


def test_an_action_that_never_ends_does_not_hold_a_result_for_ever(scene, monkeypatch):
    """Another add-on's operator may run all the time."""
    job = sent(scene, "texture.generate", [bpy.data.objects["Cube"]])
    arrived(job, stand_in.material())
    monkeypatch.setattr(waiting, "under_way", lambda: "Show Keys")
    queue.apply_results()
    assert records.find(job)[1].state == "ready"
    assert bpy.ops.backlot.apply_now(job_id=job) == {"FINISHED"}
    assert records.find(job)[1].state == "done"


def test_a_ready_result_that_is_cancelled_is_gone(scene):
    job = sent(scene, "texture.generate")
    queue.RESULTS[job] = stand_in.material()
    records.update(job, state="ready")
    queue.cancel(job)
    assert (records.find(job)[1].state, queue.RESULTS) == ("cancelled", {})


def _make(kind):
    ops = {
        "FONT": bpy.ops.object.text_add, "CURVE": bpy.ops.curve.primitive_bezier_circle_add, "META": bpy.ops.object.metaball_add,
        "SURFACE": bpy.ops.surface.primitive_nurbs_surface_sphere_add,
    }  # fmt: skip
    ops[kind]()
    item = bpy.context.object
    if kind == "CURVE":
        item.data.bevel_depth = 0.2
    return item


@pytest.mark.parametrize("kind", ["FONT", "CURVE", "META", "SURFACE"])
def test_other_types_than_meshes_get_the_material_at_its_scale(scene, kind):
    item = _make(kind)
    job = sent(scene, "texture.generate", [item])
    arrived(job, stand_in.material())
    queue.apply_results()
    assert records.find(job)[1].state == "done", records.find(job)[1].error
    material = item.material_slots[0].material
    assert material.name.startswith("Result")
    repeated = next(node for node in material.node_tree.nodes if node.type == "MAPPING").inputs["Scale"].default_value
    measured = scale.uv_density(item)
    if measured is None:  # no UVs: projected, in metres
        assert repeated[0] == pytest.approx(1 / stand_in.WIDTH_M, rel=1e-4)
    else:
        assert repeated[0] == pytest.approx(measured[0] / stand_in.WIDTH_M, rel=0.5)  # whole numbers where the UVs go around
    assert (measured is None) == (kind in ("FONT", "META"))


@pytest.mark.parametrize("kind", ["FONT", "CURVE", "META", "SURFACE"])
def test_text_and_curves_that_are_edited_get_the_material_too(scene, kind):
    item = _make(kind)
    bpy.ops.object.mode_set(mode="EDIT")
    job = sent(scene, "texture.generate", [item])
    arrived(job, stand_in.material())
    queue.apply_results()
    assert (records.find(job)[1].state, item.mode) == ("done", "EDIT"), records.find(job)[1].error
    assert item.material_slots[0].material.name.startswith("Result")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert item.material_slots[0].material.name.startswith("Result")


def test_a_rig_that_is_posed_does_not_hold_results(scene):
    cube = bpy.data.objects["Cube"]
    bpy.ops.object.armature_add()
    bpy.ops.object.mode_set(mode="POSE")
    job = sent(scene, "texture.generate", [cube, bpy.context.object])
    arrived(job, stand_in.material())
    mesh = sent(scene, "reconstruct.depth")
    arrived(mesh, {"mesh": TRIANGLES})
    queue.apply_results()
    assert [records.find(one)[1].state for one in (job, mesh)] == ["done", "done"]
    assert bpy.context.object.mode == "POSE"
    assert cube.material_slots[0].material.name.startswith("Result")
    bpy.ops.object.mode_set(mode="OBJECT")


def test_targets_that_are_all_gone_leave_the_material_in_the_file(scene):
    cube = bpy.data.objects["Cube"]
    job = sent(scene, "texture.generate", [cube])
    bpy.data.objects.remove(cube)
    arrived(job, stand_in.material())
    queue.apply_results()
    record = records.find(job)[1]
    assert record.state == "done"
    assert "'Cube' is gone" in record.result
    assert bpy.data.materials["Result"].use_fake_user


def test_a_deleted_mesh_that_was_to_be_replaced_gets_its_result_after_undo(scene):
    cube = bpy.data.objects["Cube"]
    job = sent(scene, "reconstruct.texture", origin={"kind": "object", "target": records.targets([cube])[0]})
    bpy.ops.ed.undo_push(message="before")
    bpy.data.objects.remove(cube)
    bpy.ops.ed.undo_push(message="deleted")
    arrived(job, {"mesh": TRIANGLES, "texture": PICTURE})
    queue.apply_results()
    record = records.find(job)[1]
    assert (record.state, record.kept) == ("failed", True)
    assert "it is gone" in record.error
    bpy.ops.ed.undo()
    assert bpy.ops.backlot.apply_now(job_id=job) == {"FINISHED"}
    assert len(bpy.data.objects["Cube"].data.vertices) == 3


def test_an_instanced_collection_is_said_and_the_material_is_kept(scene):
    group = bpy.data.collections.new("Asset")
    placed = bpy.data.objects.new("Placed", None)
    placed.instance_type, placed.instance_collection = "COLLECTION", group
    scene.collection.objects.link(placed)
    job = sent(scene, "texture.generate", [placed])
    arrived(job, stand_in.material())
    queue.apply_results()
    record = records.find(job)[1]
    assert "'Placed' shows the collection 'Asset': select the objects in that" in record.result
    assert bpy.data.materials["Result"].use_fake_user


def test_linked_and_overridden_objects(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    bare = bpy.data.objects.new("Bare", cube.data.copy())
    bare.data.materials.clear()
    for item in (cube, bare):
        item.use_fake_user = True
    bpy.data.libraries.write(str(tmp_path / "lib.blend"), {cube, bare})
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    with bpy.data.libraries.load(str(tmp_path / "lib.blend"), link=True) as (_, there):
        there.objects = ["Cube", "Bare"]
    for item in there.objects:
        scene.collection.objects.link(item)
    linked = bpy.data.objects["Cube"]
    overrides = [item.override_create(remap_local_usages=False) for item in there.objects]
    for item in overrides:
        scene.collection.objects.link(item)
    job = sent(scene, "texture.generate", [linked, *overrides])
    arrived(job, stand_in.material())
    queue.apply_results()
    record = records.find(job)[1]
    assert "'Cube' is linked from a library: make it local, or override it" in record.result
    assert "'Bare' has linked data without a material slot: make the data local" in record.result
    assert overrides[0].material_slots[0].material.name.startswith("Result")
    assert not linked.material_slots[0].material.name.startswith("Result")


def test_hidden_and_excluded_objects_and_those_of_another_scene(scene):
    cube = bpy.data.objects["Cube"]
    cube.scale = (2, 2, 2)
    away = bpy.data.collections.new("Away")
    scene.collection.children.link(away)
    other = bpy.data.scenes.new("Other")
    targets = [cube, *(bpy.data.objects.new(name, cube.data.copy()) for name in ("Hidden", "Excluded", "Elsewhere"))]
    for item in targets[1:]:
        item.scale = (2, 2, 2)
    scene.collection.objects.link(targets[1])
    away.objects.link(targets[2])
    other.collection.objects.link(targets[3])
    bpy.context.view_layer.update()
    targets[1].hide_set(True)
    bpy.context.view_layer.layer_collection.children["Away"].exclude = True
    job = sent(scene, "texture.generate", targets)
    arrived(job, stand_in.material())
    queue.apply_results()
    assert records.find(job)[1].state == "done", records.find(job)[1].error
    # All have the same size, so one material serves all of them.
    assert len({item.material_slots[0].material for item in targets}) == 1
    assert cube.material_slots[0].material.name.startswith("Result")


def test_a_job_of_a_scene_that_was_deleted_goes_to_the_scene_that_is_left(scene):
    second = bpy.data.scenes.new("Second")
    job = sent(second, "texture.generate", [bpy.data.objects["Cube"]])
    bpy.data.batch_remove([second])
    arrived(job, stand_in.material())
    queue.apply_results()
    found = records.find(job)
    assert (found[0], found[1].state) == (scene, "done")
    assert bpy.data.objects["Cube"].material_slots[0].material.name.startswith("Result")


def test_a_copy_of_the_scene_does_not_take_the_result(scene):
    job = sent(scene, "reconstruct.depth")
    copy = scene.copy()
    copy.name = "A first by name"
    arrived(job, {"mesh": TRIANGLES})
    queue.apply_results()
    assert "Backlot" in scene.collection.children
    assert "Backlot" not in copy.collection.children
    bpy.data.batch_remove([copy])


def test_an_object_that_is_renamed_and_saved_is_found_after_loading(scene, tmp_path):
    cube = bpy.data.objects["Cube"]
    job = sent(scene, "texture.generate", [cube])
    cube.name = "Wall"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert json.loads(records.find(job)[1].request)["targets"][0]["name"] == "Wall"
    queue.RESULTS[job] = stand_in.material()
    queue.apply_results()
    assert bpy.data.objects["Wall"].material_slots[0].material.name.startswith("Result")


# -- failures ---------------------------------------------------------------------------------------------------------


def _outputs(operation):
    mesh = Mesh(TRIANGLES.vertices, TRIANGLES.faces, uvs=TRIANGLES.uvs, colors=np.ones((3, 3), np.float32), texture=PICTURE)
    return {
        "texture.generate": stand_in.material(),
        "texture.variations": stand_in.variations(),
        "style.image": {"image": PICTURE},
        "reconstruct.depth": {"mesh": mesh, "lod_1": mesh, "proxy": mesh, "texture": PICTURE, "normal_map": PICTURE},
        "reconstruct.texture": {"mesh": mesh, "texture": PICTURE},
    }[operation]


_PLACES = {
    "texture.generate": ["images.new", "materials.new", "history", "sliders"],
    "texture.variations": ["history", "pick"],
    "style.image": ["images.pack"],
    "reconstruct.depth": ["meshes.new", "objects.new", "images.new", "materials.new", "node_groups.new", "hide"],
    "reconstruct.texture": ["images.new", "materials.new", "node_groups.new"],
}


def _fail_at(monkeypatch, place, nth):
    """The n-th time that something is made, it fails."""
    from backlot.addon.images import pictures
    from backlot.addon.materials import history, maps, nodes, results, sliders
    from backlot.addon.scene import mesh_object, surface

    where = {
        "images.new": [(pictures, "receive"), (maps, "receive")], "images.pack": [(pictures, "set_space")],
        "materials.new": [(nodes, "principled"), (surface.nodes, "principled")], "history": [(history.json, "dumps")],
        "sliders": [(sliders, "show")], "pick": [(sliders, "pick")], "meshes.new": [(mesh_object, "data")],
        "objects.new": [(mesh_object, "collection")], "node_groups.new": [(surface, "_group")], "hide": [(mesh_object, "hide")],
    }[place]  # fmt: skip
    left = [nth]
    assert results

    def failing(original):
        def call(*arguments, **options):
            left[0] -= 1
            made = original(*arguments, **options)  # it is made, and then something goes wrong
            if left[0] == 0:
                raise RuntimeError("out of everything")
            return made

        return call

    for owner, name in where:
        monkeypatch.setattr(owner, name, failing(getattr(owner, name)))
    return left


@pytest.mark.parametrize(("operation", "place"), [(operation, place) for operation, places in _PLACES.items() for place in places])
def test_a_failed_apply_leaves_nothing_behind_and_the_result_is_kept(scene, monkeypatch, operation, place):
    cube = bpy.data.objects["Cube"]
    other = bpy.data.objects.new("Other", cube.data.copy())
    other.scale = (3, 3, 3)  # a material of its own, after the first object has its
    scene.collection.objects.link(other)
    bpy.context.view_layer.update()
    outputs = _outputs(operation)
    for nth in (1, 2, 3):
        job = sent(scene, operation, [cube, other], origin={"kind": "object", "target": records.targets([cube])[0]})
        before = counts(), [slot.material.name for item in (cube, other) for slot in item.material_slots], cube.data.name
        entries = len(scene.backlot_materials.items)
        with monkeypatch.context() as patch:
            left = _fail_at(patch, place, nth)
            arrived(job, outputs)
            queue.apply_results()
        record = records.find(job)[1]
        if left[0] > 0:  # fewer of these are made
            assert record.state == "done", record.error
            break
        assert (record.state, record.kept, record.error) == ("failed", True, "out of everything")
        assert (counts(), [slot.material.name for item in (cube, other) for slot in item.material_slots], cube.data.name) == before
        assert len(scene.backlot_materials.items) == entries
        assert bpy.ops.backlot.apply_now(job_id=job) == {"FINISHED"}
        assert (record.state, record.kept) == ("done", False)
        assert counts()["images"] + entries + 1 > before[0]["images"]
