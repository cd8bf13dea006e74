"""Images in and out of Blender.

    pictures          what is sent of an image, and a result as an image     png    encoded and decoded with numpy
    temporary_scene   a scene that only writes pictures              color_space

The first two import numpy.
"""
