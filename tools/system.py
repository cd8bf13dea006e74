"""What the operating system must bring: shared libraries for Blender, and the ability to make virtual environments."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import sys
import threading

from .console import StepError, run_step

# What Blender 4.2-5.0 as a module links or opens, and the Debian/Ubuntu package that holds it.
# (`ldd bpy/__init__*.so` for the linked ones; libEGL is opened by EEVEE when there is no screen.)
BLENDER_LIBRARIES = {
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXxf86vm.so.1": "libxxf86vm1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libgomp.so.1": "libgomp1",
}
_apt = threading.Lock()  # apt-get itself refuses to run twice at a time
_apt_lists_fresh = False


def can_install() -> bool:
    """Whether Debian packages can be installed from here."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: list[str], why: str) -> None:
    """Install Debian packages, as root; otherwise raise an error with the command for a person to run.

    Raises:
        StepError: Not root, no apt-get, or apt-get failed.
    """
    global _apt_lists_fresh
    by_hand = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if not can_install():
        raise StepError(what=f"{why}: missing {', '.join(packages)}", fix=f"install by hand: sudo {by_hand}  (or your system's equivalent)")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    with _apt:
        if not _apt_lists_fresh:
            run_step(
                "Refreshing the package lists", ["apt-get", "update", "-q"], log="apt", env=env, fix="check the network, then try again"
            )
            _apt_lists_fresh = True
        run_step(f"Installing {' '.join(packages)} ({why})", command, log="apt", env=env, fix=f"try by hand: {by_hand}")


def missing_blender_libraries() -> list[str]:
    """Return the Debian packages whose libraries Blender as a module needs and this machine lacks (Linux only)."""
    if sys.platform != "linux":
        return []
    missing = []
    for soname, package in BLENDER_LIBRARIES.items():
        try:
            ctypes.CDLL(soname)
        except OSError:
            missing.append(package)
    return missing


def ensure_blender_libraries() -> None:
    """Make sure that ``import bpy`` finds its shared libraries."""
    if missing := missing_blender_libraries():
        apt_install(missing, "libraries that Blender needs")


def ensure_venv_module() -> None:
    """Make sure that ``python -m venv`` works: Debian's own Python keeps ensurepip in a package of its own."""
    if importlib.util.find_spec("ensurepip") is None:
        apt_install([f"python3.{sys.version_info.minor}-venv"], "virtual environments")
