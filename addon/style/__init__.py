"""Style in Blender: a frame range painted in the manner of a picture, or of frames that the artist painted, back as EXR sequences.

    shot          the frames: rendered, or captured before        strength      keys of a slider as the text that a job takes
    keyframes     painted frames: made from a frame, and sent     files         results on disk, as they arrive
    results       a job's outputs into the file                   facts         what its report says
    placing       Image Editor, sequencer, compositor, projection exr           headers of its files
    properties    what the scene stores                           operators     the buttons that send jobs
    painting      the buttons of the lists                        using         the buttons around a result
    movie         a movie of a result
    panel         what the artist sees

Registering imports no numpy: ``keyframes``, ``results`` and ``placing`` are loaded when they are needed.
"""
