"""What is in the archives that artists get, and what is not."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

# Beyond these two folders and the wheels, these files and no others.
TOP_LEVEL_FILES = {"__init__.py", "blender_manifest.toml", "LICENSE"}
TOP_LEVEL_FOLDERS = {"addon", "shared", "wheels"}
MAX_BYTES = 4_000_000  # two wheels of pyzmq are 1.3 MB (Windows) to 2.7 MB (macOS)
PLATFORMS = {"linux_x64", "macos_arm64", "macos_x64", "windows_x64"}


def test_one_archive_per_platform(archives: list[Path]) -> None:
    assert {path.stem.rpartition("-")[2] for path in archives} == PLATFORMS


def test_only_the_add_on_and_the_wire_are_inside(archives: list[Path]) -> None:
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
        folders = {name.split("/")[0] for name in names if "/" in name}
        assert folders == TOP_LEVEL_FOLDERS, path.name
        assert {name for name in names if "/" not in name} == TOP_LEVEL_FILES, path.name
        assert not [name for name in names if name.endswith((".pyc", ".so", ".pyd", ".dylib"))], path.name
        assert path.stat().st_size < MAX_BYTES, path.name


def test_each_archive_has_a_wheel_for_both_pythons_of_its_platform(archives: list[Path]) -> None:
    tags = {"linux": "manylinux", "macos": "macosx", "windows": "win"}
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            wheels = sorted(Path(name).name for name in archive.namelist() if name.endswith(".whl"))
            manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
        system = path.stem.rpartition("-")[2].partition("_")[0]
        assert [wheel.split("-")[2] for wheel in wheels] == ["cp311", "cp313"], path.name
        assert all(wheel.split("-")[4].startswith(tags[system]) for wheel in wheels), path.name
        # An abi3 wheel beside one for exactly 3.11 makes Blender refuse the archive under every other Python.
        assert all(wheel.split("-")[3] == wheel.split("-")[2] for wheel in wheels), path.name
        assert sorted(Path(name).name for name in manifest["build"]["generated"]["wheels"]) == wheels


def test_the_manifest_keeps_the_platform_rules(archives: list[Path]) -> None:
    with zipfile.ZipFile(archives[0]) as archive:
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    sentences = [manifest["tagline"], *manifest["permissions"].values()]
    assert set(manifest["permissions"]) == {"network", "files"}
    assert all(len(text) <= 64 and not text.endswith(".") for text in sentences)
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    assert manifest["id"] == "backlot"
