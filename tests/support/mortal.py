"""A gateway that is killed again and again: run as a program, it makes children that serve one session each.

What takes long is done once, so a child lives within a fifth of a second: it boots from a state directory with all that
`serve` keeps there, listens on a socket of the file system, and writes the audit log and a journal of its life. Its
parent reads a line for each child that it is to make, answers with its process id, and waits for its end.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from functools import partial
from pathlib import Path

from agent.app.audit import FILE_NAME, Audit
from agent.app.commit_history import CommitHistory
from agent.app.files import KeptFiles
from agent.app.gateway import Kept, boot, load_registry
from agent.app.rotation import RotatingFile
from agent.app.scenario import load_scenario
from agent.app.scenario.journal import written
from agent.app.server import sealing_key
from agent.app.startup import KeptCertificates, Rollback, Startup
from agent.app.state import StateDirectory
from agent.core.crypto.seal import Seal
from agent.datastore.registry import Registry
from agent.netconf.limits import SessionLimits
from agent.netconf.server import Client, Server

READ_AT_ONCE = 65_536
JOURNAL = "journal.jsonl"


def serve(registry: Registry, folder: Path, listener: socket.socket) -> None:
    """Boot, take one connection, and serve it until it ends, or rather until we are killed."""
    state = StateDirectory.open(folder)
    commits, files = partial(CommitHistory, state), KeptFiles(folder)
    kept = Kept(Startup(state), Rollback(state), KeptCertificates(state), commits=commits, files=files)
    audit = Audit(RotatingFile(folder / FILE_NAME, 50_000, 3), registry, lambda: time.time_ns() // 1000)
    state.host_keys()
    scenario, key = load_scenario("chapter"), sealing_key(state)
    with written(folder / JOURNAL, registry, key) as journal:
        journal.begin(scenario, "chapter")

        def watch(server: Server) -> None:
            server.record(audit)
            server.record(journal)

        gateway = boot(scenario, registry, Seal(key), time.monotonic, SessionLimits(), kept=kept, watch=watch)
        connection, _ = listener.accept()
        session = gateway.server.open_session(Client("admin", "192.0.2.1", "netconf-ssh"), lambda: None)
        while not session.is_finished:
            while piece := session.transmit(READ_AT_ONCE):
                connection.sendall(piece)
            session.receive(connection.recv(READ_AT_ONCE))


def main(folder: Path, address: str) -> None:
    """Make children until there is nothing more to read."""
    registry = load_registry()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        for _ in sys.stdin:
            child = os.fork()
            if not child:
                serve(registry, folder, listener)
                os._exit(0)
            print(child, flush=True)
            os.waitpid(child, 0)
            print("dead", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
