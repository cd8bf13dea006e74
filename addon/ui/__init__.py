"""What operations look like in Blender: properties, panels and operators made from the schemas."""
