"""A Debian 13 inside ``.cache`` that holds a real Blender 4.3, a virtual screen and a mouse, for the tests of the window.

Made by debootstrap (about 30 s) and apt-get inside a chroot (about 60 s, 2 GB), once; a stamp marks it finished.
Linux and root only. Programs inside run in a mount namespace of their own (``enter``), so that no bind mount outlives them,
however they end: a forgotten one would let `rm -r` of the cache reach this machine's /dev.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from .console import run_step
from .paths import CACHE
from .system import apt_install, can_install

SUITE = "trixie"
# numpy: part of every official Blender, a package of its own in Debian.
PACKAGES = ("blender", "python3-numpy", "xvfb", "xauth", "xdotool", "imagemagick", "libgl1-mesa-dri")
MOUNTS = ("/proc", "/sys", "/dev")


def folder_for(cache: Path) -> Path:
    """Return where the Debian is: in the cache, or below /var/tmp where the cache's path has a space, which debootstrap cannot have."""
    if not any(letter.isspace() for letter in str(cache)):
        return cache / SUITE
    return Path("/var/tmp") / f"backlot-{hashlib.sha256(str(cache).encode()).hexdigest()[:12]}" / SUITE


FOLDER = folder_for(CACHE)
PRIVATE = ("unshare", "--mount", "--propagation", "private")


def impossible() -> str:
    """Return why this machine cannot have the Debian with Blender, or an empty string if it can."""
    if sys.platform != "linux":
        return "needs Linux (debootstrap and a chroot)"
    if os.geteuid() != 0:
        return "needs root (debootstrap and a chroot)"
    if shutil.which("debootstrap") is None and not can_install():
        return "needs debootstrap"
    if shutil.which("unshare") is None:
        return "needs unshare (util-linux)"
    probe = [*PRIVATE, "sh", "-c", "mount --bind /proc /mnt"]
    allowed = subprocess.run(probe, capture_output=True, text=True, check=False)
    return "" if allowed.returncode == 0 else f"bind mounts are not allowed here ({allowed.stderr.strip()})"


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
    half_made = (FOLDER / "debootstrap").exists()  # debootstrap removes its own folder when it has finished
    if half_made or not (FOLDER / "usr" / "bin" / "apt-get").exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.parent.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [*PRIVATE, "debootstrap", "--variant=minbase", SUITE, FOLDER, *_mirror()]
        run_step(f"Making a Debian {SUITE} in .cache", command, log=SUITE, fix=fix)
    _copy_network_settings()
    install = "apt-get update -q && apt-get install -q -y --no-install-recommends " + " ".join(PACKAGES) + " && apt-get clean"
    run_step("Installing Blender and a virtual screen in it", [*enter(), "/bin/sh", "-c", install], log=SUITE, fix=fix, env=environment())
    stamp.write_text(recipe)
    return FOLDER


def environment() -> dict[str, str]:
    """Return the environment for programs inside: this one's network settings, no interaction."""
    kept = {key: value for key, value in os.environ.items() if key.lower() in {"http_proxy", "https_proxy", "no_proxy"}}
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {**kept, "PATH": path, "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def enter(*shared: Path) -> list[str]:
    """Return the command that runs a program inside, to be followed by the program and its arguments.

    Args:
        shared: Folders of this machine that have the same path inside.
    """
    script = ["set -e"]
    for source in (*MOUNTS, *map(str, shared)):
        target = shlex.quote(f"{FOLDER}{source}")
        script.append(f"mkdir -p {target}; mount --bind {shlex.quote(source)} {target}")
    script.append(f'exec chroot {shlex.quote(str(FOLDER))} "$@"')
    return [*PRIVATE, "sh", "-c", "; ".join(script), "sh"]


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
