"""Capture: what a renderer knows of a scene, as files, without leaving a trace in the scene.

Colour comes from the scene's own render settings; depth, normal, motion and object id from a second, cheap Cycles render
(1 sample, no motion blur, no depth of field, no denoising). Both render through a temporary copy of the scene.

Conventions, proved by tests/blender/test_capture_contract.py on Blender 4.2, 4.5 and 5.0:

depth       planar z (distance along the viewing axis, not along the ray) in scene units, float32, background 1e10, sampled at
            the pixel's centre (u + 0.5, v + 0.5).
normal      world space, unit length; (0, 0, 0) where there is nothing.
motion      four components X, Y, Z, W, in pixels of the render at full resolution, y pointing **up**. With u to the right and
            v down, what is seen at pixel (u, v) of frame t is found
                in frame t - 1 at (u + X, v - Y),
                in frame t + 1 at (u - Z, v + W).
            So X, Y lead to the previous frame, and Z, W lead *from* the next one.
object_id   one whole number per object (1..N, 0 is background), stored as float; ``objects.json`` names them. Objects in collections
            that others show, or that geometry nodes put in, have their own.
position    in some frames: world space, to check the noted camera against (``proof``); nothing else reads it.

    run           one capture, frame by frame       settings      what it is asked to do, checked
    scene_copy    the copy that is rendered         cameras       pinhole intrinsics, poses, orbits
    proof         the noted camera, measured        exr_rows      rows of a file that was just written
    folders       where captures are kept
"""
