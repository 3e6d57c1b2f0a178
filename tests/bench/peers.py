"""Other servers that do the same work: yuma123 behind OpenSSH, and any that is named on the command line.

yuma123 and OpenSSH's server are Debian's packages; root has them installed, others do without the figures.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from tests.bench import entries
from tests.bench.netconf_client import Login
from tests.bench.processes import ROOT, Server

PACKAGES = {"/usr/sbin/netconfd": "netconfd", "/usr/sbin/sshd": "openssh-server"}
SECONDS_TO_START = 20
PAUSE = 0.2
NO_ENVIRONMENT: Mapping[str, str] = MappingProxyType({})
PEER = re.compile(r"(?P<name>[^=]+)=(?:(?P<user>[^:@]+)(?::(?P<password>.*))?@)?(?P<host>[^:@]+):(?P<port>\d+)")
SSHD = """Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
LogLevel ERROR
MaxStartups 100:30:200
Subsystem netconf {subsystem}
"""


def install_peers() -> bool:
    """Have the peers' packages there if that can be, and return whether they are."""
    missing = [package for path, package in PACKAGES.items() if not Path(path).exists()]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"bench: installing the system packages {' '.join(missing)}", file=sys.stderr)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", "-qq", *command], env=environment, stdout=subprocess.DEVNULL, check=False)
    return os.geteuid() == 0 and all(Path(path).exists() for path in PACKAGES)


def parse_peer(text: str) -> tuple[str, Server]:
    """Read NAME=[USER[:PASSWORD]@]HOST:PORT; ValueError."""
    match = PEER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not NAME=[USER[:PASSWORD]@]HOST:PORT")
    login = Login(match["user"] or "admin", match["password"] or match["user"] or "admin", host=match["host"])
    return match["name"], Server(int(match["port"]), 0.0, login)


@contextmanager
def sshd(folder: Path, subsystem: str, port: int | None = None) -> Iterator[Server]:
    """OpenSSH's server, with this command as its subsystem."""
    folder.mkdir(exist_ok=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    for key in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    port = port or free_port()
    (folder / "sshd_config").write_text(SSHD.format(port=port, folder=folder, subsystem=subsystem))
    command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")]
    with running(command, lambda: is_listening(port), folder / "sshd.log") as process:
        yield Server(port, 0.0, Login("root", key=str(folder / "user_key")), (process,))


@contextmanager
def sshd_sending(folder: Path, size: int) -> Iterator[Server]:
    """OpenSSH's server, every request answered with so many bytes."""
    with sshd(folder, f"{sys.executable} {ROOT}/tests/bench/canned_subsystem.py {size}") as server:
        yield server


@contextmanager
def yuma123(folder: Path) -> Iterator[Server]:
    """yuma123's server with the module of the bench, behind OpenSSH."""
    folder.mkdir(exist_ok=True)
    shutil.copy(entries.MODULE, folder / f"{entries.NAME}.yang")
    port, path = free_port(), folder / "socket"
    command = [
        "/usr/sbin/netconfd",
        f"--module={entries.NAME}",
        f"--modpath={folder}:/usr/share/yuma/modules",
        f"--port={port}",
        f"--ncxserver-sockname={path}",
        "--superuser=root",
        "--target=running",
        "--no-startup",
        "--log-level=error",
    ]
    (folder / ".yuma").mkdir(exist_ok=True)
    with running(command, path.exists, folder / "netconfd.log", {"HOME": str(folder)}) as process:
        subsystem = f'"/usr/sbin/netconf-subsystem --ncxserver-sockname={port}@{path}"'
        with sshd(folder / "ssh", subsystem, port) as server:
            login = replace(server.login, pause=PAUSE)
            yield Server(port, 0.0, login, (process, *server.processes))


@contextmanager
def running(
    command: list[str], is_ready: Callable[[], bool], log: Path, environment: Mapping[str, str] = NO_ENVIRONMENT
) -> Iterator[int]:
    """Run a command until the block ends, which begins when it is ready."""
    environment = {**os.environ, **environment}
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent, env=environment) as process,
    ):
        try:
            deadline = time.monotonic() + SECONDS_TO_START
            while not is_ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} is not ready: {log.read_text()[-2000:]}")
                time.sleep(0.02)
            yield process.pid
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether somebody does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
