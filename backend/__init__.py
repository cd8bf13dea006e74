"""The standalone backend: engines, workers, supervisor and command line. Never imports bpy."""
