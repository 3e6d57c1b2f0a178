"""Planted secrets are looked for in everything that a running program lets out of its hands, and in all that it keeps.

Of each secret it is said which files may have it; nothing else may: no log, no page, no reply, nothing that `ps` shows.
"""

from __future__ import annotations

import json
import signal
import stat
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import Popen

import bcrypt
import pytest
from lxml import etree
from ncclient.operations import RPCError
from ncclient.transport.errors import AuthenticationError

from agent.app.audit import FILE_NAME
from agent.app.scenario.journal import secrets_path
from agent.app.server import SEALING_KEY
from agent.app.state import ED25519_HOST_KEY, RSA_HOST_KEY
from agent.app.tls_identity import KEY as TLS_KEY
from tests.app.test_operations import login, page
from tests.support.served import Served, served
from tests.support.tls_settings import TlsSettingsFile

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
RIGHT, WRONG = "planted-1a-password", "planted-2b-wrong-password"
HASH = bcrypt.hashpw(RIGHT.encode(), bcrypt.gensalt(4)).decode()
KEPT, REFUSED = "planted-3c-shared-key", "planted-4d-refused-key"
MISPLACED = "planted-5e-in-broken-settings"
LINE = 40
"""How much of a line of a private key gives it away."""
SETTINGS = f"""
[users.ann]
password-hash = "{HASH}"
groups = ["admin"]
[monitoring]
listen = "127.0.0.1:0"
[log]
level = "debug"
format = "json"
[audit]
reads = true
"""
POLICY = (
    '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><ike xmlns="urn:ipsec-agent:ike"><policy><peer-address>'
    "192.0.2.77</peer-address><proposal>{}</proposal><pre-shared-key><ascii-text>{}</ascii-text></pre-shared-key>"
    "</policy></ike></config>"
)


class Everything:
    """What a program has let out, by where; its files by their names are among it once it has ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal.jsonl"
        self.said: dict[str, bytes] = {}

    def run(self) -> None:
        """Run the program, and have it handle every secret."""
        path = TlsSettingsFile(self.folder).write(SETTINGS)
        options = ("--scenario", "chapter", "--settings", str(path), "--journal", str(self.journal))
        with served(self.folder / "state", *options, "--listen", "tls:127.0.0.1:0") as server:
            self.said["replies"] = b"".join(_replies(server))
            process = Path(f"/proc/{server.process.pid}")
            for name in ("cmdline", "environ"):
                self.said[name] = (process / name).read_bytes()
            for broken in (f'password-hash = "{MISPLACED}"', f"password-hash = '{MISPLACED}"):
                path.write_text(f"[users.ann]\n{broken}\n")
                server.process.send_signal(signal.SIGHUP)
                self.said["log"] = self.said.get("log", b"") + _logged(server.process, "stay as they were")
            for name in ("/metrics", "/healthz"):
                self.said[name] = page(server, name).encode()
            assert server.process.stderr is not None
            server.process.send_signal(signal.SIGTERM)
            self.said["log"] += server.process.stderr.read().encode()
        for file in (path for path in self.folder.rglob("*") if path.is_file()):
            self.said[file.relative_to(self.folder).as_posix()] = file.read_bytes()

    def find(self, state: Path) -> Mapping[str, bytes]:
        """Return every secret by what it is."""
        keys = {name: _longest_line(state / name) for name in (ED25519_HOST_KEY, RSA_HOST_KEY, TLS_KEY)}
        sealing = (state / SEALING_KEY).read_bytes()
        words = {"right": RIGHT, "wrong": WRONG, "hash": HASH, "kept": KEPT, "refused": REFUSED, "misplaced": MISPLACED}
        return {**{name: word.encode() for name, word in words.items()}, **keys, SEALING_KEY: sealing}


def _replies(server: Served) -> Iterator[bytes]:
    """Log in with a wrong and with the right password, configure a right and a wrong key, and read everything."""
    with pytest.raises(AuthenticationError):
        login(server, "ann", WRONG)
    with login(server, "ann", RIGHT) as session:
        session.edit_config(target="running", config=POLICY.format("ike-proposal", KEPT))
        with pytest.raises(RPCError) as refused:
            session.edit_config(target="running", config=POLICY.format("no-such-proposal", REFUSED))
        yield etree.tostring(refused.value.xml)
        session.copy_config(source="running", target="startup")
        session.copy_config(source="running", target="file:///kept.xml")
        for reply in (session.get(), session.get_config("running"), session.get_config("startup")):
            yield reply.xml.encode()
        yield session.dispatch(etree.fromstring("<get-configuration/>")).xml.encode()


def _logged(process: Popen[str], text: str) -> bytes:
    """Return what is logged up to a line with a text in it."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            break
    return "".join(lines).encode()


def _longest_line(path: Path) -> bytes:
    """Return a part of a private key that nothing else has: public keys of the same kind begin alike."""
    lines = path.read_bytes().splitlines()
    return lines[len(lines) // 2][-LINE:]


def _disguises(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    yield b64encode(secret)[:-4]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Everything:
    """What one run of the program has let out."""
    found = Everything(tmp_path_factory.mktemp("secrets"))
    found.run()
    return found


def test_every_outlet_has_said_something(everything: Everything) -> None:
    names = ("replies", "log", "cmdline", "/metrics", "/healthz", "journal.jsonl", f"state/{FILE_NAME}")
    assert all(len(everything.said[name]) > 20 for name in names)
    assert b"192.0.2.77" in everything.said["replies"]
    assert b"access-denied" in everything.said[f"state/{FILE_NAME}"]


def test_each_secret_is_where_it_belongs_and_nowhere_else(everything: Everything) -> None:
    beside_the_journal = secrets_path(everything.journal).name
    own = {name: {f"state/{name}"} for name in (ED25519_HOST_KEY, RSA_HOST_KEY, TLS_KEY)}
    allowed = {
        **own,
        "kept": {beside_the_journal},
        "refused": {beside_the_journal},
        "misplaced": {"settings.toml"},
        SEALING_KEY: {f"state/{SEALING_KEY}", beside_the_journal},
    }
    for name, secret in everything.find(everything.folder / "state").items():
        places = {place for place, said in everything.said.items() if any(each in said for each in _disguises(secret))}
        assert places == allowed.get(name, set()), name


def test_whatever_has_a_secret_is_its_owners_alone(everything: Everything) -> None:
    state = everything.folder / "state"
    files = [secrets_path(everything.journal), *(path for path in state.rglob("*") if path.is_file())]
    public = [path for path in files if path.suffix == ".pub"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files if path not in public} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (state, state / "files")} == {0o700}


def test_the_startup_configuration_and_the_files_of_urls_have_keys_sealed(everything: Everything) -> None:
    for name in ("state/startup.xml", "state/files/kept.xml"):
        assert b"192.0.2.77" in everything.said[name]
        assert b"$sealed$" in everything.said[name]


def test_the_log_is_one_object_to_a_line_all_the_same(everything: Everything) -> None:
    lines = [line for line in everything.said["log"].decode().splitlines() if line.startswith("{")]
    assert len(lines) > 5
    assert all(isinstance(json.loads(line), dict) for line in lines)
