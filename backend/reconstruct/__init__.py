"""3D reconstruction: meshes from depth, from tracked footage and from one picture."""
