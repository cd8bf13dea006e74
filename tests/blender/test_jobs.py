"""Jobs through the real backend: sent, followed, found again after loading a file, and what bad input gets."""

import json
import time

import bpy
import numpy as np
import pytest

from backlot.addon.images import pictures
from backlot.addon.jobs import queue, records
from backlot.addon.jobs.link import BACKEND
from backlot.addon.ui import panels
from backlot.shared.client import Client
from backlot.shared.events import JobList
from backlot.shared.jobs import Job
from backlot.shared.values import Image

pytestmark = pytest.mark.usefixtures("backend")
EXEMPLAR = Image(np.random.default_rng(3).integers(0, 256, (48, 48, 3), np.uint8), "srgb")


def poll_until(condition, seconds=60.0):
    """Does what the timers do in a window."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        BACKEND.tick()
        queue.apply_results()
        time.sleep(0.01)


@pytest.mark.contract
def test_texture_from_an_image_onto_the_selection(scene):
    pictures.receive(EXEMPLAR, "Noise")
    bpy.ops.backlot.texture(exemplar="Noise", size=(64, 48), tile="both", seed=4)
    record = scene.backlot_jobs.items[0]
    assert record.state == "done", record.error
    image = bpy.data.images["Texture Noise"]
    assert tuple(image.size) == (64, 48)
    assert bpy.data.objects["Cube"].material_slots[0].material.name.startswith("Texture Noise")
    request = json.loads(record.request)
    assert (request["seed"], request["parameters"]["size"]) == (4, [64, 48])


@pytest.mark.contract
def test_style_of_the_rendered_frame(scene):
    pictures.receive(EXEMPLAR, "Strokes")
    scene.style_image.strength = 0.5
    scene.render.resolution_percentage = 50
    bpy.ops.backlot.style(from_camera_content=True, style="Strokes")
    record = scene.backlot_jobs.items[0]
    assert record.state == "done", record.error
    image = next(i for i in bpy.data.images if i.name.startswith("Style"))
    assert tuple(image.size) == (48, 32)
    assert image.is_float
    assert np.isfinite(np.array(image.pixels)).all()


@pytest.mark.contract
def test_reconstruct_around_the_selection_lands_on_the_object(scene):
    cube = bpy.data.objects["Cube"]
    cube.location = (3, -2, 1)
    bpy.ops.backlot.reconstruct(voxel=0.05, mode="orbit", count=9, resolution=(96, 96), samples=1)
    record = scene.backlot_jobs.items[0]
    assert record.state == "done", record.error
    item = scene.collection.children["Backlot"].objects[0]
    points = np.array([v.co for v in item.data.vertices]) - np.array(cube.location)
    assert len(points) > 1000
    assert np.percentile(np.abs(np.abs(points).max(1) - 1), 99) < 0.05  # one voxel
    assert np.abs(np.abs(points).max(1) - 1).mean() < 0.01
    assert item.data.color_attributes


@pytest.mark.contract
def test_a_job_is_found_again_after_the_file_was_loaded(scene, tmp_path):
    """Sent, saved, another file loaded while it runs; back in the first file its result is applied, there and only there."""
    pictures.receive(EXEMPLAR, "Noise")
    request = {
        "parameters": {},
        "seed": 1,
        "inputs": {"exemplar": {"image": "Noise"}},
        "targets": records.targets([bpy.data.objects["Cube"]]),
    }
    job = Job("texture.synthesize", {"size": [96, 96]}, {"exemplar": EXEMPLAR})
    records.add(scene, job.id, "texture.synthesize", "Kept", "waiting", request)
    BACKEND.client.submit(job)
    poll_until(lambda: records.find(job.id)[1].state in ("queued", "running", "done"))
    records.update(job.id, state="running")
    queue.RESULTS.clear()
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with Client(BACKEND.client._connection, name="watcher") as watcher:

        def done():
            watcher.request_jobs(job.id)
            return any(isinstance(event, JobList) and event.jobs[0].state == "done" for event in watcher.poll(0.05))

        poll_until(done)
    for _ in range(20):  # the result is on its way to the add-on
        BACKEND.tick()
        queue.apply_results()
        time.sleep(0.01)
    assert not bpy.data.images
    bpy.ops.wm.open_mainfile(filepath=path)
    assert records.find(job.id)[1].state in records.ACTIVE
    poll_until(lambda: records.find(job.id)[1].state == "done")
    assert bpy.data.objects["Cube"].material_slots[0].material.name.startswith("Kept")


def test_a_job_that_waits_says_how_many_come_before_it(scene):
    request = {"parameters": {}, "seed": 0, "inputs": {}, "targets": []}
    busy, waits = Job("system.echo", {"seconds": 300}), Job("system.echo", {"seconds": 300})
    for job in (busy, waits):
        records.add(scene, job.id, "system.echo", "Echo", "waiting", request)
    BACKEND.client.submit(busy)
    poll_until(lambda: records.find(busy.id)[1].state == "running")
    BACKEND.client.submit(waits)
    live = records.live(waits.id)
    poll_until(lambda: live.before == 1)
    record = records.find(waits.id)[1]
    assert (record.state, live.stage, panels.state_text(record.state, live)) == ("queued", "waiting, 1 before it", "1 before it")
    queue.cancel(busy.id)
    poll_until(lambda: record.state == "running")
    assert panels.state_text(record.state, live) == "0%"
    queue.cancel(waits.id)
    poll_until(lambda: record.state == "cancelled")


def test_a_file_that_cannot_be_loaded_leaves_the_jobs_followed(scene, tmp_path):
    request = {"parameters": {"size": [96, 96]}, "seed": 1, "inputs": {}, "targets": []}
    job = Job("texture.synthesize", request["parameters"], {"exemplar": EXEMPLAR})
    records.add(scene, job.id, "texture.synthesize", "Kept", "waiting", request)
    BACKEND.client.submit(job)
    poll_until(lambda: records.find(job.id)[1].state != "waiting")
    (tmp_path / "broken.blend").write_bytes(b"BLENDER-v500 and nothing else")
    with pytest.raises(RuntimeError):
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "broken.blend"))
    poll_until(lambda: records.find(job.id)[1].state == "done")


def test_cancel_and_retry(scene):
    pictures.receive(EXEMPLAR, "Noise")
    request = {"parameters": {"size": [512, 512]}, "seed": 1, "inputs": {"exemplar": {"image": "Noise"}}, "targets": []}
    job = Job("texture.synthesize", request["parameters"], {"exemplar": EXEMPLAR})
    records.add(scene, job.id, "texture.synthesize", "Long", "waiting", request)
    BACKEND.client.submit(job)
    poll_until(lambda: records.find(job.id)[1].state == "running")
    assert bpy.ops.backlot.cancel_job() == {"FINISHED"}
    poll_until(lambda: records.find(job.id)[1].state == "cancelled")
    record = records.find(job.id)[1]
    record.request = json.dumps({**request, "parameters": {"size": [64, 64]}})
    bpy.ops.backlot.retry_job()
    [record] = scene.backlot_jobs.items
    assert record.name != job.id
    assert record.state == "done"
    bpy.ops.backlot.remove_job()
    assert not len(scene.backlot_jobs.items)


def test_bad_input_is_said_and_nothing_is_lost(scene, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(RuntimeError, match="an image as Exemplar"):
        bpy.ops.backlot.texture()
    with pytest.raises(RuntimeError, match="path of one"):
        bpy.ops.backlot.texture(exemplar="/no/such/file.png")
    with pytest.raises(RuntimeError, match=r"(?i)image"):
        bpy.ops.backlot.texture(exemplar=str(tmp_path / "broken.png"))
    assert scene.backlot_jobs.items[0].state == "failed"
    assert "broken.png" in scene.backlot_jobs.items[0].error
    bpy.ops.object.select_all(action="DESELECT")
    with pytest.raises(RuntimeError, match="Select the objects"):
        bpy.ops.backlot.reconstruct(mode="orbit")
    scene.camera.rotation_euler.x += 3.14159
    with pytest.raises(RuntimeError, match="sees nothing"):
        bpy.ops.backlot.reconstruct(mode="frame")
    scene.camera.data.type = "ORTHO"
    with pytest.raises(RuntimeError, match="perspective"):
        bpy.ops.backlot.reconstruct(mode="frame")
    scene.camera = None
    with pytest.raises(RuntimeError, match="a camera"):
        bpy.ops.backlot.reconstruct(mode="range")
    with pytest.raises(RuntimeError, match="a camera"):
        bpy.ops.backlot.capture(mode="frame")
    assert bpy.ops.backlot.start_backend() == {"FINISHED"}  # it is still there


def test_depth_that_is_all_background(scene, tmp_path):
    """A bounding box in view, and nothing of it rendered."""
    bpy.data.objects["Cube"].data.polygons.foreach_set("material_index", [0] * 6)
    material = bpy.data.objects["Cube"].material_slots[0].material
    material.node_tree.nodes.clear()
    output = material.node_tree.nodes.new("ShaderNodeOutputMaterial")
    transparent = material.node_tree.nodes.new("ShaderNodeBsdfTransparent")
    material.node_tree.links.new(transparent.outputs[0], output.inputs[0])
    with pytest.raises(RuntimeError) as raised:
        bpy.ops.backlot.reconstruct(mode="orbit", count=2, resolution=(48, 48), samples=1)
    assert "Traceback" not in str(raised.value)
    assert scene.backlot_jobs.items[0].state == "failed"
