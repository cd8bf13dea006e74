"""What several capabilities need of a scene: meshes as objects, materials that show a picture, notes on datablocks.

    mesh_object   a mesh as an object, and back      mesh_file    a mesh on disk, for a job that is sent again
    surface       lit, or as it was captured         nodes        the beginning of a node tree
    evaluated     what objects are made of after     provenance   how a datablock was made
                  modifiers, nodes and instancing    transaction  all of a result, or nothing of it

The first two import numpy.
"""
