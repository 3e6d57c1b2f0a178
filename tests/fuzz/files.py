"""Entrances that are files: scenarios, settings, journals, and the secrets that are kept out of these."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from agent.app.errors import AppError
from agent.app.scenario import parse_scenario
from agent.app.scenario.masking import PREFIX, Secrets, load_secrets, unmask
from agent.app.scenario.replay import read_journal
from agent.app.settings_file import load_settings
from tests.fuzz.target import Run, Target


def scenario() -> Run:
    """A scenario as `load-scenario` takes it."""

    def run(data: bytes) -> None:
        try:
            parse_scenario(data.decode("utf-8", "replace"))
        except AppError:
            return

    return run


def in_a_file(load: Callable[[Path], object]) -> Run:
    """What is read from a file by its path."""

    def run(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "input"
            path.write_bytes(data)
            try:
                load(path)
            except AppError:
                return

    return run


def masking() -> Run:
    """What clients say, as a journal has it: the secrets stand beside it, and whatever is there can be had back."""

    def run(data: bytes) -> None:
        said = data.decode("utf-8", "surrogateescape")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "secrets"
            with closing(Secrets(path)) as secrets:
                masked = secrets.mask(said)
            if PREFIX not in said:
                assert unmask(masked, load_secrets(path)) == said

    return run


SETTINGS = b"""listen = ["127.0.0.1:830", "tls:[::1]:6513"]
run-as = "nobody"
[limits]
sessions = 10
idle-seconds = 600
[log]
level = "debug"
format = "json"
[audit]
max-bytes = 1000
reads = true
[monitoring]
listen = "127.0.0.1:9830"
[call-home.one]
endpoints = ["192.0.2.1", "tls:192.0.2.2:4335"]
[tls]
client-certificates = "x.pem"
[[tls.cert-to-name]]
fingerprint = "04:11:22"
map-type = "specified"
name = "ann"
[users.ann]
groups = ["admin"]
authorized-keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfYp2eX3c3yFq5hB2oGvC5m0oQ1b8b1n8m4xk8u0Z0a x"]
"""
JOURNAL = (
    b'{"journal":1,"scenario":"chapter","digest":"0","start":"2003-03-10T12:00:00+00:00","seed":1,"judged":false,'
    b'"repeatable":true}\n{"at":"2003-03-10T12:00:00+00:00","end":true}\n'
)
SAID = [
    b"<policy><pre-shared-key><ascii-text>a &amp; b</ascii-text></pre-shared-key></policy>",
    b'set security ike policy p pre-shared-key ascii-text "a b" # c\nset security ipsec key hexadecimal 0x1\n',
    b'{"pre-shared-key": {"ascii-text": [{"data": "a"}], "hexadecimal": 12}} <document>users: {a: b}</document>',
    b"pre-shared-key { /* c */ ascii-text &quot;a&quot;; } &lt;hexadecimal&gt;1&lt;/hexadecimal&gt;",
]
SCENARIOS = [
    each.read_bytes() for each in sorted(files("agent.scenarios").iterdir(), key=str) if each.name.endswith(".yaml")
]
TARGETS = (
    Target("scenario", scenario, SCENARIOS, (b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ", b"? ", b"- - - ")),
    Target("settings", lambda: in_a_file(load_settings), [SETTINGS], (b"[[", b"]]", b'"""', b"inf", b"nan", b"= {")),
    Target("masking", masking, SAID, (b"ascii-text", b"hexadecimal", b"pre-shared-key", b"&quot;", b"/*", b"*/", b"#")),
    Target("journal", lambda: in_a_file(read_journal), [JOURNAL]),
)
"""What is read from the disk."""
