"""``backlot serve``: binds the sockets, writes the connection file and runs the supervisor."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import IO

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from ...shared.connection import LOOPBACK, Connection, read_connection
from ...shared.errors import BacklotError, InputError, StorageError
from ...shared.launch import STATE_FIX, record_backend
from ...shared.wire import MAX_FRAME
from ..core.devices import available_devices
from .supervisor import Supervisor

log = logging.getLogger(__name__)

MAX_JOB_BYTES = 16 * 2**30
OUTCOME_BYTES = 2 * 2**30
OWNER = "owner"
"""The client that whoever may read the connection file is."""
HIGH_WATER = 1000
"""Messages in a socket for a client that does not read, and from one that is not read; beyond that they wait, see ``peers.py``."""
HIGH_WATER_DATA = 16
"""The same for chunks: 64 MiB."""


class AlreadyRunning(BacklotError):
    """Another backend uses the state folder."""

    exit_code = 3


def serve(
    state: Path, host: str = "127.0.0.1", port: int = 0, devices: list[str] | None = None,
    max_job_bytes: int = MAX_JOB_BYTES,
    outcome_bytes: int = OUTCOME_BYTES, idle_exit: float = 0.0,
) -> None:  # fmt: skip
    """Runs a backend until it is informed to stop.

    Long: what starts together is stopped together, in reverse order.

    Args:
        state: Folder of journal, blobs, logs and connection file.
        host: Address to listen on. Anything but loopback needs ``keys/`` in ``state`` (see ``backlot keys``).
        port: Port of the control socket, the data socket has the next one; 0 for any two free ones.
        devices: torch device names; all that there are if left out.
        max_job_bytes: Largest sum of a job's inputs.
        outcome_bytes: Results kept for clients that come back for them; the oldest are given up first.
        idle_exit: Seconds without job or client after which it ends; 0 for never.

    Raises:
        AlreadyRunning: Another backend uses this state folder.
        InputError: The address cannot be used, or the keys for it are missing.
        StorageError: The folder, or something in it, cannot be written.
    """
    path = state / "connection.json"
    _refuse_carried_keys(path)
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = _lock(state / "supervisor.lock")
    except OSError as error:
        raise StorageError.of(error, f"write to {state}", STATE_FIX) from error
    record_backend()
    context = zmq.Context()
    authenticator, server_public, owner = None, "", ("", "")
    if host not in LOOPBACK:
        authenticator, owner = _authenticator(context, state / "keys")
    control, data = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
    for socket, most in ((control, HIGH_WATER), (data, HIGH_WATER_DATA)):
        socket.linger, socket.maxmsgsize, socket.sndhwm, socket.rcvhwm = 0, MAX_FRAME + 4096, most, most
        socket.ipv6 = "[" in host
        if authenticator:
            server_public = _use_curve(socket, state / "keys")
    try:
        control_port, data_port = _bind(control, host, port), _bind(data, host, port + 1 if port else 0)
    except zmq.ZMQError as error:
        raise InputError(
            expected=f"a free address at {host}:{port or '*'}", got=str(error), fix="Choose another with --host and --port"
        ) from error
    reachable = "127.0.0.1" if host in ("0.0.0.0", "*") else host
    connection = Connection(
        f"tcp://{reachable}:{control_port}", f"tcp://{reachable}:{data_port}", _key(state / "key"), server_public,
        *owner, pid=os.getpid(),
    )  # fmt: skip
    supervisor = Supervisor(
        state, context, control, data, connection, devices or available_devices(), max_job_bytes, outcome_bytes, idle_exit
    )
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: supervisor.stop())
    connection.write(path)
    log.info("listening on %s and %s; connection file %s", connection.control, connection.data, path)
    try:
        supervisor.run()
    finally:
        path.unlink(missing_ok=True)
        control.close(0)
        if authenticator:
            authenticator.stop()
        context.destroy(0)
        lock.close()
        log.info("stopped")


def create_server_keys(folder: Path) -> None:
    """Makes the CURVE key pair of this backend, once."""
    (folder / "clients").mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / "server.key_secret").exists():
        zmq.auth.create_certificates(folder, "server")


def allow_client(folder: Path, name: str, control: str, data: str, key: bytes, to: Path) -> None:
    """Makes a key pair for a client, allows it, and writes a connection file to be carried to the client's machine."""
    create_server_keys(folder)
    if not name.isidentifier() or name == OWNER:
        raise InputError(expected=f"a client's name of letters, digits and _, but not {OWNER}", got=repr(name))
    public, secret = zmq.curve_keypair()
    (folder / "clients" / f"{name}.key").write_text(f'curve\n    public-key = "{public.decode()}"\n')
    server_public, _ = zmq.auth.load_certificate(folder / "server.key_secret")
    import json

    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"control": control, "data": data, "key": key.hex(), "server_key": server_public.decode(),
                   "client_public": public.decode(), "client_secret": secret.decode()}, file, indent=1)  # fmt: skip


def _authenticator(context: zmq.Context[zmq.Socket[bytes]], keys: Path) -> tuple[ThreadAuthenticator, tuple[str, str]]:
    """Lets in the allowed clients and the owner of the state folder, whose fresh keys it gives (public, secret)."""
    allowed = [p for p in (keys / "clients").glob("*.key") if p.stem != OWNER]
    if not (keys / "server.key_secret").exists() or not allowed:
        msg = "An address that others can reach needs encryption and a list of allowed clients"
        raise InputError(
            msg, expected=f"keys in {keys}", got="none",
            fix="Make them with: backlot keys CLIENT --address HOST --port PORT --out FILE",
        )  # fmt: skip
    public, secret = (k.decode() for k in zmq.curve_keypair())
    (keys / "clients" / f"{OWNER}.key").write_text(f'curve\n    public-key = "{public}"\n')
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve(domain="*", location=str(keys / "clients"))
    return authenticator, (public, secret)


def _refuse_carried_keys(path: Path) -> None:
    """Raises ``InputError`` for a folder that holds a client's keys to a backend elsewhere: starting here would overwrite them."""
    try:
        remote = read_connection(path).is_remote
    except BacklotError:
        return  # none there, or a broken one, which is replaced
    if remote:
        raise InputError(
            expected=f"a folder for a backend of this machine at {path.parent}", got="the keys to a backend on another one",
            fix="Choose another folder with --state or BACKLOT_STATE_DIR",
        )  # fmt: skip


def _use_curve(socket: zmq.Socket[bytes], keys: Path) -> str:
    public, secret = zmq.auth.load_certificate(keys / "server.key_secret")
    if secret is None:
        raise InputError(expected=f"a secret key in {keys}", got="a public one")
    socket.curve_publickey, socket.curve_secretkey, socket.curve_server = public, secret, True
    return public.decode()


def _bind(socket: zmq.Socket[bytes], host: str, port: int) -> int:
    if port:
        socket.bind(f"tcp://{host}:{port}")
        return port
    return socket.bind_to_random_port(f"tcp://{host}")


def _key(path: Path) -> bytes:
    """The signing key of this state folder: made once, so that clients which knew it find a restarted backend."""
    try:
        return bytes.fromhex(path.read_text())
    except (OSError, ValueError):
        key = secrets.token_bytes(32)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(key.hex())
        return key


def _lock(path: Path) -> IO[str]:
    """An exclusive lock that the system drops when this process ends, however it ends."""
    file = path.open("a+")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        msg = f"A backend is running already in {path.parent}"
        raise AlreadyRunning(msg, fix="Use it, or stop it with: backlot stop") from error
    return file
