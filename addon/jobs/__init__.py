"""Jobs in Blender: sent to the backend, followed, and applied to the scene.

    link        the connection to the backend      records      jobs as the file remembers them
    queue       sent, followed, found again        inputs       what a record says of inputs, read
    handlers    who applies which results          datablocks   images and meshes of any job
    operators   the buttons of the job list        waiting      whether a result can be applied now
    elsewhere   jobs that are in no open file

Only ``datablocks`` imports numpy, and nothing imports zmq before the first connection.
"""
