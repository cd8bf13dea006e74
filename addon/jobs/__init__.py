"""Jobs in Blender: the connection to the backend, the job queue, records that survive a save, and applying results."""
