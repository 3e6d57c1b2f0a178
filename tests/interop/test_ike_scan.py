"""ike-scan against the running program: the handshake of a right responder, and the refusal of a wrong transform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import ike_scan
from tests.support.ike_scan import psk_crack, scan, scan_aggressively
from tests.support.namespaces import Namespace, namespace
from tests.support.real_tunnel import RealTunnel
from tests.support.served import served

LACKING = ike_scan.lacking()
pytestmark = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))

DEVICE = "127.0.0.2"
SECRET = "correct-horse"
ACCEPTED = "3des-md5-modp1024"
HANDSHAKE = "SA=(Enc=3DES Hash=MD5 Auth=PSK Group=2:modp1024 LifeType=Seconds LifeDuration(4)=0x00007080)"
"""With the lifetime that ike-scan asks for when it is told nothing else."""


@contextmanager
def answering(folder: Path, mode: str) -> Iterator[Namespace]:
    """Serve, in a namespace, a device that answers ike-scan on one proposal and begins nothing."""
    tunnel = RealTunnel(mode=mode, proposal=ACCEPTED, secret=SECRET, local=DEVICE, remote="127.0.0.1", is_bound=False)
    with namespace() as made:
        options = ("--scenario", str(tunnel.write(folder)), "--ike", DEVICE)
        with served(folder / "state", *options, within=made.command()) as server:
            assert server.ike == ((DEVICE, 500), (DEVICE, 4500))
            yield made


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """Where a device answers in main mode."""
    with answering(tmp_path_factory.mktemp("scanned"), "main") as made:
        yield made


def test_main_mode_is_answered_with_the_transform_that_was_offered(scanned: Namespace) -> None:
    said = scan(scanned, DEVICE, ACCEPTED)
    assert f"{DEVICE}\tMain Mode Handshake returned" in said
    assert HANDSHAKE in said
    assert "1 returned handshake; 0 returned notify" in said


def test_of_several_transforms_the_first_that_is_allowed_is_answered(scanned: Namespace) -> None:
    said = scan(scanned, DEVICE, "des-md5-modp768", "3des-sha1-modp1024", ACCEPTED)
    assert HANDSHAKE in said
    assert "1 returned handshake; 0 returned notify" in said


@pytest.mark.parametrize("proposal", ["3des-sha1-modp1024", "des-md5-modp1024", "3des-md5-modp768"])
def test_a_transform_that_cannot_be_accepted_is_refused_by_notify(scanned: Namespace, proposal: str) -> None:
    said = scan(scanned, DEVICE, proposal)
    assert f"{DEVICE}\tNotify message 14 (NO-PROPOSAL-CHOSEN)" in said
    assert "0 returned handshake; 1 returned notify" in said


def test_the_pre_shared_key_is_found_in_an_aggressive_handshake_with_the_right_dictionary_alone(tmp_path: Path) -> None:
    parameters = tmp_path / "handshake"
    with answering(tmp_path, "aggressive") as made:
        said = scan_aggressively(made, DEVICE, ACCEPTED, parameters)
    assert f"{DEVICE}\tAggressive Mode Handshake returned" in said
    assert HANDSHAKE in said
    for payload in ("KeyExchange(128 bytes)", "Nonce(32 bytes)", "ID(Type=ID_IPV4_ADDR, Value=127.0.0.2)", "Hash(16"):
        assert payload in said
    assert f'key "{SECRET}" matches' in psk_crack(parameters, "one", "another", SECRET)
    assert "matches" not in psk_crack(parameters, "one", "another")
