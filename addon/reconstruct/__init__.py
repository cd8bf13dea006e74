"""Reconstruction in Blender: a solved clip, a plate or the scene itself becomes a textured mesh that lands where it belongs.

    clip          a solved clip as cameras, lens and tracks       footage      its pictures as files, step by step
    plate         one picture with the scene's camera             unwrap       Smart UV of a mesh, and meshes out of Blender
    mesh_object   a mesh as an object                             surface      its material: projected plate or Principled
    results       a job's outputs into the scene                  progress     the best so far, while a job runs
    facts         what a report says, in the scene's units        align        scale, floor and origin of a solve
    jobfiles      what a job file asks to be captured              files        a mesh on disk
    properties    what the scene stores                           operators    the buttons
    panel         what the artist sees

Registering imports no numpy: all but the last three and ``facts`` are loaded when they are needed.
"""
