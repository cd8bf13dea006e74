"""A job of a file that was closed without saving: its result is not lost."""

import bpy
import numpy as np
import pytest

from backlot.addon.images import pictures
from backlot.addon.jobs import elsewhere, queue, records
from backlot.addon.jobs.link import BACKEND
from backlot.addon.materials import maps
from backlot.shared.jobs import Job
from backlot.shared.values import Image

EXEMPLAR = Image(np.random.default_rng(3).integers(0, 256, (32, 32, 3), np.uint8), "srgb")


@pytest.mark.contract
@pytest.mark.usefixtures("backend")
def test_the_result_of_a_job_is_brought_into_another_file(scene):
    request = {"parameters": {"size": [32, 32]}, "seed": 1, "inputs": {}, "targets": records.targets([bpy.data.objects["Cube"]])}
    job = Job("texture.synthesize", request["parameters"], {"exemplar": EXEMPLAR}, label="Bricks")
    records.add(scene, job.id, job.operation, "Bricks", "waiting", request)
    elsewhere.note(job.id)
    BACKEND.client.submit(job)
    bpy.ops.wm.read_factory_settings(use_empty=False)  # the file was never saved
    assert elsewhere.missing() == {job.id: "Bricks (a file that was not saved)"}
    before = bpy.data.objects["Cube"].material_slots[0].material
    assert bpy.ops.backlot.bring_results() == {"FINISHED"}
    record = records.find(job.id)[1]
    assert (record.state, record.kept) == ("done", False), record.error
    assert bpy.data.images["Bricks"].size[0] == 32
    assert bpy.data.objects["Cube"].material_slots[0].material == before  # another cube than the one that was selected
    assert elsewhere.missing() == {}
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.backlot.bring_results()


@pytest.mark.usefixtures("backend")
def test_what_could_not_be_applied_is_asked_for_again_after_loading(scene, tmp_path, monkeypatch):
    pictures.receive(EXEMPLAR, "Noise")
    with monkeypatch.context() as patch:
        patch.setattr(maps, "receive", lambda *_arguments: 1 / 0)
        with pytest.raises(RuntimeError, match="division by zero"):
            bpy.ops.backlot.texture(exemplar="Noise", size=(32, 32), seed=4)
    [record] = scene.backlot_jobs.items
    assert (record.state, record.kept) == ("failed", True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert not queue.KEPT
    assert bpy.ops.backlot.apply_now() == {"FINISHED"}
    [record] = bpy.context.scene.backlot_jobs.items
    assert (record.state, record.kept, record.error) == ("done", False, "")
    assert bpy.data.objects["Cube"].material_slots[0].material.name.startswith("Texture Noise")
    assert record.name not in elsewhere.known()


def test_a_job_that_is_removed_or_cancelled_is_not_offered(scene):
    for job_id in ("one", "two"):
        records.add(scene, job_id, "texture.synthesize", "Bricks", "queued", {"inputs": {}})
        elsewhere.note(job_id)
    queue.remove("one")
    queue.on_event(type("Cancelled", (), {"job_id": "two"})())
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert elsewhere.missing() == {}
