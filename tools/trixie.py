"""A Debian 13 inside ``.cache`` that holds a real Blender 4.3, a virtual screen and a mouse, for the tests of the window.

Made by debootstrap (about 30 s) and apt-get inside a chroot (about 60 s, 2 GB), once; a stamp marks it finished.
Linux and root only. Nothing stays mounted after a run: ``mounted`` takes its bind mounts away again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .console import StepError, run_step
from .paths import CACHE
from .system import apt_install, can_install

SUITE = "trixie"
PACKAGES = ("blender", "xvfb", "xauth", "xdotool", "imagemagick", "libgl1-mesa-dri")
# The X server's socket and Blender's render buffers want a real /dev/shm and /proc.
MOUNTS = ("proc", "sys", "dev")
FOLDER = CACHE / SUITE


def impossible() -> str:
    """Return why this machine cannot have the Debian with Blender, or an empty string if it can."""
    if sys.platform != "linux":
        return "needs Linux (debootstrap and a chroot)"
    if os.geteuid() != 0:
        return "needs root (debootstrap and a chroot)"
    if shutil.which("debootstrap") is None and not can_install():
        return "needs debootstrap"
    probe = FOLDER.parent / "mount-probe"
    probe.mkdir(parents=True, exist_ok=True)
    allowed = subprocess.run(["mount", "--bind", "/proc", probe], capture_output=True, check=False)
    if allowed.returncode != 0:
        return f"bind mounts are not allowed here ({allowed.stderr.decode(errors='replace').strip()})"
    subprocess.run(["umount", probe], check=False)
    return ""


def ensure() -> Path:
    """Make the Debian with Blender unless it is there; returns its root folder.

    Raises:
        StepError: debootstrap or apt-get failed.
    """
    stamp = FOLDER / "backlot-stamp.txt"
    recipe = f"{SUITE} {' '.join(PACKAGES)}"
    if stamp.exists() and stamp.read_text() == recipe:
        return FOLDER
    if shutil.which("debootstrap") is None:
        apt_install(["debootstrap"], "makes the Debian that holds a real Blender")
    fix = "check the network and the free disk space (2 GB), then try again"
    if not (FOLDER / "usr" / "bin" / "apt-get").exists():
        unmount()
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.parent.mkdir(parents=True, exist_ok=True)
        run_step(f"Making a Debian {SUITE} in .cache", ["debootstrap", "--variant=minbase", SUITE, FOLDER, *_mirror()], log=SUITE, fix=fix)
    _copy_network_settings()
    install = "apt-get update -q && apt-get install -q -y --no-install-recommends " + " ".join(PACKAGES) + " && apt-get clean"
    with mounted():
        command: list[str | Path] = ["chroot", FOLDER, "/bin/sh", "-c", install]
        run_step("Installing Blender and a virtual screen in it", command, log=SUITE, fix=fix, env=environment())
    stamp.write_text(recipe)
    return FOLDER


def environment() -> dict[str, str]:
    """Return the environment for programs inside: this one's network settings, no interaction."""
    kept = {key: value for key, value in os.environ.items() if key.lower() in {"http_proxy", "https_proxy", "no_proxy"}}
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {**kept, "PATH": path, "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


@contextmanager
def mounted(shared: dict[str, Path] | None = None) -> Iterator[Path]:
    """Bind-mount what programs inside need, and unmount it afterwards whatever happens.

    Args:
        shared: More folders of this machine: path inside (without the leading slash) -> folder.
    """
    sources = {**{name: Path("/") / name for name in MOUNTS}, **(shared or {})}
    unmount()  # what a killed run left
    try:
        for inside, source in sources.items():
            target = FOLDER / inside
            target.mkdir(parents=True, exist_ok=True)
            result = subprocess.run(["mount", "--bind", source, target], capture_output=True, text=True, check=False)
            if result.returncode != 0:
                raise StepError(what=f"mount --bind {source} {target}: {result.stderr.strip()}", fix="the window's tests need bind mounts")
        yield FOLDER
    finally:
        unmount()


def unmount() -> None:
    """Unmount everything below the folder, innermost first."""
    table = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    points = [line.split()[1].replace("\\040", " ") for line in table]
    for point in sorted((point for point in points if point.startswith(f"{FOLDER}/")), key=len, reverse=True):
        # Lazily: a program that still ends there must not keep the mount, or `rm -r` of the cache would reach /dev.
        subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)


def _mirror() -> list[str]:
    """Return the mirror this machine's apt uses for Debian itself, so that debootstrap asks the same one."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)", "Created-By: Packages"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return next(([line.split()[0]] for line in listing.splitlines() if line.endswith(" Debian Debian")), [])


def _copy_network_settings() -> None:
    """Give the Debian inside this machine's name server and apt settings (proxy), so that it reaches what this one does."""
    shutil.copyfile("/etc/resolv.conf", FOLDER / "etc" / "resolv.conf")
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    proxies = [line for line in dump.splitlines() if "proxy" in line.lower()]
    (FOLDER / "etc" / "apt" / "apt.conf.d" / "90backlot").write_text("\n".join(proxies) + "\n", encoding="utf-8")
