"""``serve``, ``status``, ``stop`` and ``keys``."""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import Any

from ...shared.connect import ANSWER_WITHIN
from ...shared.connection import connection_path, read_connection, state_folder
from ...shared.errors import BackendUnavailable
from ...shared.events import Status
from .report import table
from .session import existing_backend


def add_verbs(verbs: Any) -> None:
    """Adds the verbs."""
    parser = verbs.add_parser("serve", help="start the backend and stay with it")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1); others need `backlot keys`")
    parser.add_argument("--port", type=int, default=0, help="control port, data gets the next one (default: any free ones)")
    parser.add_argument(
        "--device", action="append", metavar="NAME", help="cuda:0, mps or cpu; may be repeated (default: all GPUs, else cpu)"
    )
    parser.add_argument("--max-job-mib", type=int, default=16384, help="largest input of one job (default: 16384)")
    parser.add_argument("--keep-mib", type=int, default=2048, help="results kept for clients that come back for them (default: 2048)")
    parser.add_argument("--idle-exit", type=float, default=0.0, metavar="SECONDS", help="end after so long without job and client")
    parser.set_defaults(action=_serve)
    verbs.add_parser("status", help="is the backend running, on what, with how many jobs").set_defaults(action=_status)
    verbs.add_parser("stop", help="stop the backend; unfinished jobs go on at its next start").set_defaults(action=_stop)
    parser = verbs.add_parser("keys", help="allow a client on another machine: make its keys and connection file")
    parser.add_argument("client", help="a name for the client")
    parser.add_argument("--address", required=True, help="this machine's address as the client sees it")
    parser.add_argument("--port", type=int, required=True, help="the port that `backlot serve --port` uses")
    parser.add_argument("--out", type=Path, required=True, help="connection file to be carried to the client")
    parser.set_defaults(action=_keys)


def _serve(arguments: argparse.Namespace) -> int:
    from ..runtime.serve import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    serve(
        state_folder(),
        arguments.host,
        arguments.port,
        arguments.device,
        arguments.max_job_mib << 20,
        arguments.keep_mib << 20,
        arguments.idle_exit,
    )
    return 0


def _status(arguments: argparse.Namespace) -> int:
    with existing_backend() as client:
        client.request_status()
        report = None
        end = time.monotonic() + ANSWER_WITHIN
        while report is None and time.monotonic() < end:
            report = next((e.report for e in client.poll(0.1) if isinstance(e, Status)), None)
    if report is None:
        msg = "The backend does not answer"
        raise BackendUnavailable(msg, fix="See: backlot doctor")
    print(f"backlot {report['version']} runs (pid {report['pid']}, {report['uptime']:.0f} s), {report['clients']} clients")
    print(f"state folder: {report['state_folder']}")
    rows = [
        [d["device"], d["name"], d["state"], f"{d.get('free', 0) / 2**30:.1f} of {d.get('total', 0) / 2**30:.1f} GiB free"]
        for d in report["devices"]
    ]
    table(rows, ["device", "name", "state", "memory"])
    counts = ", ".join(f"{n} {state}" for state, n in sorted(report["jobs"].items())) or "none yet"
    print(f"jobs: {counts}; store {report['store_bytes'] / 2**20:.0f} MiB, {report['disk_free'] / 2**30:.1f} GiB free on disk")
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    path = connection_path()
    connection = read_connection()
    with existing_backend() as client:
        client.request_shutdown()
        if connection.is_remote:
            client.poll(0.2)  # until it is sent
            print(f"asked the backend at {connection.control} to stop")
            return 0
        end = time.monotonic() + 15
        while path.exists() and time.monotonic() < end:
            time.sleep(0.05)
    if path.exists():
        msg = "The backend does not stop"
        raise BackendUnavailable(
            msg, expected="its end within 15 s", got="none", fix=f"See: backlot status; its process is {connection.pid}"
        )
    print(f"stopped (pid {connection.pid})")
    return 0


def _keys(arguments: argparse.Namespace) -> int:
    from ..runtime.serve import _key, allow_client

    state_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    control, data = (f"tcp://{arguments.address}:{arguments.port + i}" for i in (0, 1))
    allow_client(state_folder() / "keys", arguments.client, control, data, _key(state_folder() / "key"), arguments.out)
    print(f"{arguments.out}: carry it to {arguments.client}'s machine by a safe way")
    print(f"then start: backlot serve --host 0.0.0.0 --port {arguments.port}")
    return 0
