"""The Blender extension's archives: pyzmq's wheels, Blender's own build and validation.

One archive per platform, each with two wheels of pyzmq: cp311 for Blender 4.2 to 5.0, cp313 for Blender 5.1 on (the manifest
says why exactly these). numpy is not among them: Blender ships its own.
"""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import environments
from .console import StepError, run_step
from .paths import DIST, ROOT, VENVS, python_of

MANIFEST = ROOT / "blender_manifest.toml"
WHEELS = ROOT / "wheels"
# pip's platform tags, oldest system that pyzmq builds for. The macOS wheel is universal2: one file for both architectures.
PIP_PLATFORMS = ("win_amd64", "macosx_10_15_universal2", "manylinux_2_28_x86_64")
PYTHON_VERSIONS = ("3.11", "3.13")
BUILD_WITH = "4.5"  # the Blender whose script builds: LTS, and it knows --split-platforms


def manifest() -> dict[str, object]:
    """Return the parsed manifest."""
    if not MANIFEST.exists():
        raise StepError(what=f"{MANIFEST.name} is missing", fix="restore it from git")
    return tomllib.loads(MANIFEST.read_text(encoding="utf-8"))


def fetch_wheels() -> list[Path]:
    """Download into ``wheels/`` what the manifest lists and is not there yet; returns the wheels' paths.

    Raises:
        StepError: A download failed, or the manifest lists a wheel that pip does not deliver.
    """
    listed = [ROOT / str(name) for name in manifest().get("wheels", [])]  # type: ignore[attr-defined]
    missing = [path for path in listed if not path.exists()]
    if missing:
        WHEELS.mkdir(exist_ok=True)
        match = re.match(r"pyzmq-([^-]+)-", missing[0].name)
        if match is None:
            raise StepError(
                what=f"the manifest lists {missing[0].name}, which is not a wheel of pyzmq", fix="teach tools/extension.py to fetch it"
            )
        with ThreadPoolExecutor() as pool:
            downloads = [pool.submit(_fetch, match[1], platform, version) for platform in PIP_PLATFORMS for version in PYTHON_VERSIONS]
        for download in downloads:
            download.result()
    still = [path.name for path in listed if not path.exists()]
    if still:
        have = ", ".join(sorted(path.name for path in WHEELS.glob("*.whl"))) or "nothing"
        raise StepError(
            what=f"not among the downloads: {', '.join(still)}", fix=f"make blender_manifest.toml list what pip delivers: {have}"
        )
    return listed


def _fetch(pyzmq: str, platform: str, version: str) -> None:
    """Download one wheel of a version of pyzmq, for a platform (pip's tag) and a version of Python."""
    command: list[str | Path] = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--dest", WHEELS]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", version, "--platform", platform, f"pyzmq=={pyzmq}"]
    title = f"Fetching pyzmq {pyzmq} for {platform}, Python {version}"
    run_step(title, command, log=f"wheel-{platform}-{version}", fix="check the network")


def build() -> list[Path]:
    """Build one archive per platform into ``dist/`` and validate each with Blender's own tool.

    Returns:
        The archives' paths, sorted by name.
    """
    fetch_wheels()
    tool = blender_extension_tool()
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    run_step(
        "Building the extension",
        [*tool, "build", "--source-dir", ROOT, "--output-dir", DIST, "--split-platforms"],
        log="extension",
        fix="the lines above are Blender's own words; they name the manifest's key",
    )
    archives = sorted(DIST.glob("*.zip"))
    if not archives:
        raise StepError(what="Blender's tool built no archive", fix="see .cache/logs/extension.log")
    for archive in archives:
        run_step(f"Validating {archive.name}", [*tool, "validate", archive], log="extension")
    return archives


def contents(archive: Path) -> list[tuple[str, int]]:
    """Return an archive's files with their size in bytes."""
    with zipfile.ZipFile(archive) as opened:
        return sorted((info.filename, info.file_size) for info in opened.infolist() if not info.is_dir())


def blender_extension_tool() -> list[str | Path]:
    """Return the command that Blender's extension verbs are given to: a Blender on the PATH, or the script inside the bpy wheel."""
    for version in (BUILD_WITH, *reversed(environments.BLENDERS)):
        if script := _script_in(VENVS / f"bpy-{version}"):
            return [sys.executable, script]
    if found := shutil.which("blender"):
        return [found, "--background", "--factory-startup", "--command", "extension"]
    script = _script_in(environments.blender(BUILD_WITH))
    if script is None:
        raise StepError(what="the bpy wheel holds no blender_ext.py", fix="put a blender on the PATH")
    return [sys.executable, script]


def _script_in(environment: Path) -> Path | None:
    """Find Blender's script for extensions inside an environment that holds bpy. It needs no Blender to run."""
    if not python_of(environment).exists():
        return None
    return next(iter(sorted(environment.glob("**/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))), None)
