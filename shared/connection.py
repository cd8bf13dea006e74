"""Where the backend is, and the key to it: the connection file.

The backend writes ``connection.json`` (mode 0600) into the state folder; whoever may read it may talk to the backend.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path

from .errors import BackendUnavailable, InputError
from .version import PROTOCOL_VERSION, __version__

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def state_folder() -> Path:
    """Where the backend keeps journal, blobs, log and connection file: ``BACKLOT_STATE_DIR``, else per user. Always an absolute path.

    Raises:
        InputError: ``BACKLOT_STATE_DIR`` is no path, or is not set for a user without a home folder.
    """
    given = os.environ.get("BACKLOT_STATE_DIR", "").strip()
    if "\0" in given:
        raise InputError(expected="a folder in BACKLOT_STATE_DIR", got=repr(given)[:80])
    try:
        if given:
            return Path(given).expanduser().absolute()  # a backend that is started has another working folder
        if sys.platform == "win32":
            return user_folder("LOCALAPPDATA", "AppData/Local") / "backlot"
        if sys.platform == "darwin":
            return Path.home() / "Library/Application Support/backlot"
        return user_folder("XDG_STATE_HOME", ".local/state") / "backlot"
    except RuntimeError as error:  # of pathlib, which finds no home
        fix = "Set BACKLOT_STATE_DIR to a folder for Backlot"
        raise InputError(expected="a user with a home folder", got=str(error).rstrip("."), fix=fix) from error


def user_folder(variable: str, default: str) -> Path:
    """A folder that an environment variable names; ``default`` below the user's home where it is not set, empty or relative.

    The XDG Base Directory Specification has it so.

    Raises:
        RuntimeError: The default is needed and the user has no home.
    """
    given = Path(os.environ.get(variable, ""))
    return given if given.is_absolute() else Path.home() / default


def connection_path() -> Path:
    """The connection file of this user's backend."""
    return state_folder() / "connection.json"


@dataclasses.dataclass(frozen=True)
class Connection:
    """How to reach a backend.

    Attributes:
        control: Endpoint of messages, ``tcp://host:port``.
        data: Endpoint of large arrays.
        key: Signing key, 32 bytes.
        server_key: CURVE public key of the server (Z85), or ``""`` on loopback.
        client_public: CURVE public key of this client.
        client_secret: CURVE secret key of this client.
        pid: Process of the supervisor, 0 if unknown.
        path: The file this was read from; read again when the backend is lost, because a restarted one has other ports.
    """

    control: str
    data: str
    key: bytes
    server_key: str = ""
    client_public: str = ""
    client_secret: str = ""
    pid: int = 0
    path: Path | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether nothing leaves this machine."""
        return all(e.partition("://")[2].rpartition(":")[0] in LOOPBACK for e in (self.control, self.data))

    @property
    def is_remote(self) -> bool:
        """Whether ``backlot keys`` made it for a client elsewhere: what a backend writes for its own machine names its process."""
        return bool(self.server_key) and not self.pid

    def write(self, path: Path) -> None:
        """Writes the connection file so that only this user can read it, replacing an older one in one step."""
        data = {"control": self.control, "data": self.data, "key": self.key.hex(), "server_key": self.server_key,
                "client_public": self.client_public, "client_secret": self.client_secret, "pid": self.pid,
                "version": __version__, "protocol": list(PROTOCOL_VERSION)}  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(data, file)
        os.replace(temporary, path)


def read_connection(path: Path | None = None) -> Connection:
    """Reads a connection file.

    Raises:
        BackendUnavailable: There is none: no backend is running here.
        InputError: It is not a connection file.
    """
    path = path or connection_path()
    try:
        data = json.loads(path.read_text())
        return Connection(
            control=str(data["control"]), data=str(data["data"]), key=bytes.fromhex(data["key"]),
            server_key=str(data.get("server_key", "")), client_public=str(data.get("client_public", "")),
            client_secret=str(data.get("client_secret", "")), pid=int(data.get("pid", 0)), path=path,
        )  # fmt: skip
    except OSError as error:
        msg = "No backend is running"
        raise BackendUnavailable(msg, expected=f"a connection file at {path}", got=error.strerror or "none",
                                 fix="Start one with: backlot serve") from error  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(expected=f"a connection file at {path}", got="something else",
                         fix="Delete it and start the backend again") from error  # fmt: skip
