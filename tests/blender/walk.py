"""A digest of everything that a file holds: a walk over the RNA properties of all its datablocks."""

import hashlib
import warnings

import bpy

# Not part of the file, or different at every look.
_SKIP = {"rna_type", "session_uid", "is_evaluated", "original", "bl_rna", "depsgraph", "is_updated", "is_updated_data"} | (
    {"uv_sculpt"} if bpy.app.version < (4, 5) else set()  # Blender 4.2 crashes when its brush is read
)
if bpy.app.version < (4, 5):
    # Blender 4.2 counts a user too many of each child collection and marker camera when it copies a scene (and again correctly when
    # a file is loaded), and updates which sockets are there when a material is first rendered.
    _SKIP |= {"users", "enabled", "is_unavailable"}
_SIMPLE = {"BOOLEAN", "INT", "FLOAT", "STRING", "ENUM"}


def _values(struct, seen, depth=0):
    if depth > 8:
        return
    for prop in struct.bl_rna.properties:
        name = prop.identifier
        if name in _SKIP:
            continue
        try:
            value = getattr(struct, name)
        except (AttributeError, RuntimeError, TypeError, ValueError):
            continue
        if prop.type in _SIMPLE:
            if prop.type not in {"STRING", "ENUM"} and getattr(prop, "is_array", False):
                value = [tuple(row) if hasattr(row, "__len__") else row for row in value]
            yield name, repr(value)
        elif prop.type == "POINTER":
            if value is None:
                yield name, "None"
            elif isinstance(value, bpy.types.ID) and not (struct is not None and value.is_embedded_data):
                yield name, f"{type(value).__name__}:{value.name_full}"
            elif value.as_pointer() not in seen:
                seen.add(value.as_pointer())
                for key, text in _values(value, seen, depth + 1):
                    yield f"{name}.{key}", text
        elif prop.type == "COLLECTION":
            yield f"{name}.length", str(len(value))
            for index, item in enumerate(value):
                if isinstance(item, bpy.types.ID) and not item.is_embedded_data:
                    yield f"{name}[{index}]", f"{type(item).__name__}:{item.name_full}"
                elif item is not None and index < 2000:
                    for key, text in _values(item, seen, depth + 1):
                        yield f"{name}[{index}].{key}", text


def snapshot():
    """Path to value, for all datablocks of the file."""
    with warnings.catch_warnings(action="ignore"):  # the walk reads deprecated properties too
        return _snapshot()


def _snapshot():
    found = {"is_dirty": str(bpy.data.is_dirty)}
    for collection in bpy.data.bl_rna.properties:
        if collection.type != "COLLECTION":
            continue
        for item in getattr(bpy.data, collection.identifier):
            if collection.identifier in {"screens", "window_managers", "workspaces"}:
                continue
            path = f"{collection.identifier}[{item.name_full}]"
            found[path] = "there"
            for key, text in _values(item, {item.as_pointer()}):
                found[f"{path}.{key}"] = text
    return found


def digest(found):
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()
