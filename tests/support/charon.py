"""strongSwan's charon as the other end: a process of its own, told what to do by swanctl, and its log read.

Its data plane is the one in user space (kernel-libipsec), which has every cipher and always encapsulates in UDP.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.support import namespaces
from tests.support.namespaces import Namespace

PORT, NAT_PORT = 5500, 5501
SECONDS = 30
SECONDS_TO_END = 10
PACKAGES = {
    "charon-systemd": "charon-systemd",
    "swanctl": "strongswan-swanctl",
    "/usr/lib/ipsec/plugins/libstrongswan-openssl.so": "libstrongswan-standard-plugins",
    "/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so": "libcharon-extra-plugins",
}
"""What charon takes, and the Debian package of each."""


def lacking() -> str | None:
    """Say what it takes to run charon and is not there; None when nothing is lacking."""
    missing = [package for name, package in PACKAGES.items() if shutil.which(name) is None and not Path(name).exists()]
    if missing:
        return f"the system packages {' '.join(missing)} are missing"
    return namespaces.lacking() if Path("/dev/net/tun").exists() else "there is no /dev/net/tun"


class Configuration(Protocol):
    """What charon can be configured with."""

    def render(self) -> str:
        """Return it in the syntax of swanctl.conf."""
        ...


@dataclass(frozen=True)
class Connection:
    """What charon is configured with towards one gateway; `more` is added to the connection, `child` to its child."""

    mode: str = "main"
    proposals: str = "3des-md5-modp1024"
    esp_proposals: str = "3des-md5"
    secret: str = "between-us"
    local: str = "127.0.0.2"
    remote: str = "127.0.0.1"
    remote_port: int = 500
    local_ts: str = "10.78.2.0/24"
    remote_ts: str = "10.78.1.0/24"
    more: str = ""
    child: str = ""

    def render(self) -> str:
        """Return it in the syntax of swanctl.conf."""
        return f"""
connections {{ t {{
  version = 1
  aggressive = {"yes" if self.mode == "aggressive" else "no"}
  unique = never
  local_addrs = {self.local}
  remote_addrs = {self.remote}
  remote_port = {self.remote_port}
  proposals = {self.proposals}
  {self.more}
  local {{ auth = psk
    id = {self.local} }}
  remote {{ auth = psk
    id = {self.remote} }}
  children {{ c {{
    local_ts = {self.local_ts}
    remote_ts = {self.remote_ts}
    esp_proposals = {self.esp_proposals}
    {self.child} }} }}
}} }}
secrets {{ ike {{ id-a = {self.local}
  id-b = {self.remote}
  secret = "{self.secret}" }} }}
"""


@dataclass(frozen=True)
class Listed:
    """An entry of swanctl --list-sas: an IKE SA, or one of its child SAs."""

    values: Mapping[str, str]
    children: tuple[Listed, ...] = field(default=())

    def __getitem__(self, name: str) -> str:
        return self.values[name]


class Charon:
    """A running charon."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._process = process

    def freeze(self) -> None:
        """Let it fall silent for good."""
        self._process.send_signal(signal.SIGSTOP)

    @property
    def log(self) -> str:
        """Everything that it has logged."""
        return (self.folder / "charon.log").read_text(errors="replace")

    @property
    def log_tail(self) -> str:
        """The end of the log without the hexadecimal dumps: what to read when something went wrong."""
        lines = [line for line in self.log.splitlines() if not re.search(r"^\S+ +\d+: | => ", line)]
        return "\n".join(lines[-40:])

    def found(self, pattern: str) -> list[str]:
        """Return what a pattern matches in the log."""
        return [match[0] for match in re.finditer(pattern, self.log)]

    def swanctl(self, *words: str) -> list[str]:
        """Return a command of swanctl."""
        environment = ["env", f"STRONGSWAN_CONF={self.folder / 'strongswan.conf'}", f"SWANCTL_DIR={self.folder}"]
        return [*environment, "swanctl", *words, "--uri", f"unix://{self.folder / 'charon.vici'}"]

    def load(self, configuration: Configuration) -> None:
        """Replace what is configured."""
        (self.folder / "swanctl.conf").write_text(configuration.render())
        self.run("--load-all", "--clear", "--file", str(self.folder / "swanctl.conf"))

    def run(self, *words: str) -> str:
        """Run swanctl for something that takes nobody else, and return what it said."""
        done = subprocess.run(self.swanctl(*words), capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}{self.log_tail}"
        return done.stdout

    def ike_sas(self) -> list[Listed]:
        """Return the IKE SAs in use: neither in negotiation nor replaced."""
        return [sa for sa in self._sas() if sa["state"] == "ESTABLISHED"]

    def child_sas(self) -> list[Listed]:
        """Return the installed child SAs, whichever IKE SA they are under."""
        return [child for sa in self._sas() for child in sa.children if child["state"] == "INSTALLED"]

    def await_log(self, text: str, seconds: float = SECONDS) -> None:
        """Wait until it has logged something."""
        deadline = time.monotonic() + seconds
        while text not in self.log:
            assert time.monotonic() < deadline, f"not logged in {seconds} s: {text}\n{self.log_tail}"
            time.sleep(0.02)

    def await_children(self, count: int, seconds: float = SECONDS) -> None:
        """Wait until so many child SAs are installed."""
        deadline = time.monotonic() + seconds
        while len(self.child_sas()) != count:
            assert time.monotonic() < deadline, f"not {count} child SAs in {seconds} s\n{self.log_tail}"
            time.sleep(0.02)

    def _sas(self) -> list[Listed]:
        events = re.findall(r"^list-sa event (\{.*\})$", self.run("--list-sas", "--raw"), re.MULTILINE)
        return [_listed(values) for event in events for values in _parse(event).values()]

    def logged_octets(self, label: str) -> list[bytes]:
        """Return every dump in the log with a label, the oldest first."""
        dumps = re.findall(
            rf"^\S+ {re.escape(label)} => (\d+) bytes @.*\n((?:^\S+ +\d+: .*\n)+)", self.log, re.MULTILINE
        )
        return [
            bytes.fromhex("".join(re.findall(r"^\S+ +\d+: ((?:[0-9A-F]{2} )+)", rows, re.MULTILINE)))[: int(octets)]
            for octets, rows in dumps
        ]


@contextmanager
def charon(
    folder: Path, namespace: Namespace, configuration: Configuration, *, is_verbose: bool = True
) -> Iterator[Charon]:
    """Run charon in a namespace until the block ends; one that is not verbose logs no keys, and is quicker for it."""
    common, detailed = (1, 4) if is_verbose else (-1, -1)
    settings = _STRONGSWAN_CONF.format(
        folder=folder, port=PORT, nat_port=NAT_PORT, common_level=common, detailed_level=detailed
    )
    (folder / "strongswan.conf").write_text(settings)
    command = namespace.command("env", f"STRONGSWAN_CONF={folder / 'strongswan.conf'}", "charon-systemd")
    with open(folder / "charon.out", "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _await(folder / "charon.vici", process)
        running = Charon(folder, process)
        running.load(configuration)
        yield running
    finally:
        process.terminate()
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:  # One that has been held may hang as it ends; it has said all it had to.
            process.kill()
            process.wait()


def _await(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"charon does not start: {(path.parent / 'charon.out').read_text()}")
        time.sleep(0.01)


def _listed(values: Mapping[str, Any]) -> Listed:
    children = tuple(_listed(each) for each in values.get("child-sas", {}).values())
    return Listed({name: value for name, value in values.items() if isinstance(value, str)}, children)


def _parse(text: str) -> dict[str, Any]:
    """Parse swanctl's raw form: {name {name=value name=[item item]}}."""
    root: dict[str, Any] = {}
    stack = [root]
    for section, name, value in re.findall(r"([^\s={}]+) \{|([^\s={}]+)=(\[[^]]*\]|[^\s}]*)|\}", text[1:-1]):
        if section:
            stack.append(stack[-1].setdefault(section, {}))
        elif name:
            stack[-1][name] = value
        else:
            stack.pop()
    return root


_STRONGSWAN_CONF = """
charon-systemd {{
  load = openssl hmac kdf random nonce kernel-libipsec kernel-netlink socket-default vici
  load_modular = no
  port = {port}
  port_nat_t = {nat_port}
  install_routes = no
  retransmit_timeout = 1.0
  dos_protection = no
  init_limit_half_open = 0
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  plugins {{ vici {{ socket = unix://{folder}/charon.vici }} }}
  filelog {{ f {{ path = {folder}/charon.log
    default = {common_level}
    ike = {detailed_level}
    chd = {detailed_level}
    flush_line = yes }} }}
}}
swanctl {{ load = random }}
"""
