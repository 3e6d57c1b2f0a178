"""Claims: each kind can come true, and each can fail, for the reason that it says."""

from __future__ import annotations

import pytest

from agent.app.document import DocumentError
from agent.app.scenario.run import live
from tests.support.chapter import registry
from tests.support.scenarios import lived, scenario, small

REKEYS = "/ipsec:ipsec/ipsec:security-association[ipsec:name='sa-dynamic']/ipsec:rekeys"


def judged(claim: str, seconds: float = 60) -> tuple[bool, str]:
    """Return whether a claim comes true, and why not."""
    ((verdict, *_), _) = lived(small(f"assertions: [{{{claim}}}]\n"), seconds)
    return verdict.holds, verdict.reason


@pytest.mark.parametrize(
    "claim",
    [
        "event: ike-sa-established, within: 8s",
        "event: ike-sa-established, where: {remote-address: 4.4.4.4}, count: 1",
        "event: ike-sa-established, at-most: 1",
        "event: ike-sa-established, from: 30s, never: true",
        "event: peer-unreachable, never: true",
        f'path: "{REKEYS}", equals: 0',
        f'path: "{REKEYS}", at: 20s, below: 1',
        "path: /ipsec:ipsec/ipsec:security-association/ipsec:sa/ipsec:spi, exceeds: 255",
        "path: /ike:ike/ike:policy, exists: true",
        "path: \"/ike:ike/ike:policy[ike:peer-address='9.9.9.9']\", exists: false",
        "rpc: switch-tunnel, outcome: ok",
        "rpc: clear-ike-security-associations, input: {peer-address: 9.9.9.9}, outcome: unknown-peer",
        "rpc: clear-ike-security-associations, input: {peer-address: 9.9.9.9}, outcome: invalid-value",
        "rpc: set-pic, input: {interface: x, state: fault}, as: operator, outcome: access-denied",
    ],
)
def test_what_is_so_comes_true(claim: str) -> None:
    assert judged(claim) == (True, judged(claim)[1])


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("event: ike-sa-established, within: 1s", "happened 0 times, expected at least 1"),
        ("event: ike-sa-established, where: {remote-address: 9.9.9.9}", "happened 0 times"),
        ("event: ike-sa-established, never: true", "happened 1 times, expected 0"),
        ("event: ike-sa-established, count: 2", "happened 1 times, expected 2"),
        ("event: ike-sa-established, at-most: 0", "happened 1 times, expected 0 times"),
        ("event: peer-unreachable, until: 1h, never: true", "the run ended before that"),
        (f'path: "{REKEYS}", equals: 1', "is 0, expected equals 1"),
        (f'path: "{REKEYS}", exceeds: 0', "is 0, expected exceeds 0"),
        (f'path: "{REKEYS}", at: 1h, equals: 0', "the run ended before that"),
        ("path: /ike:ike/ike:policy/ike:mode, exceeds: 1", "is main"),
        ("path: /ike:ike/ike:policy, exists: false", "expected exists false"),
        ("path: /ike:ike, as: nobody, exists: true", "get is refused"),
        ("rpc: switch-tunnel, outcome: no-backup", "the outcome is ok, expected no-backup"),
    ],
)
def test_what_is_not_so_fails_and_says_why(claim: str, reason: str) -> None:
    holds, why = judged(claim)
    assert not holds
    assert reason in why


def test_a_leaf_is_looked_at_after_everything_that_happens_at_that_time() -> None:
    more = (
        "timeline: [{at: 1m, rpc: set-peer, input: {address: 4.4.4.4, reachable: false}}]\n"
        "assertions: [{path: \"/em:emulation/em:peer[em:address='4.4.4.4']/em:reachable\", at: 1m, equals: false}]\n"
    )
    ((verdict,), _) = lived(small(more), 61)
    assert verdict.holds


@pytest.mark.parametrize(
    ("claim", "complaint"),
    [
        ("path: '/nope:x', exists: true", "prefix"),
        ("path: '/ike:ike[', exists: true", "Invalid"),
        ("path: '/ike:ike/ike:sttistics', exists: false", "there is no 'ike:sttistics' here"),
        ("path: \"/ike:ike/ike:policy[ike:mode='a/b[']/ike:name\", exists: false", "there is no 'ike:name' here"),
        ("path: '/ike', exists: false", "there is no 'ike' here; a name has a prefix"),
        ("rpc: fly, outcome: ok", "there is no RPC 'fly'"),
    ],
)
def test_a_claim_about_what_there_is_not_is_refused_before_anything_happens(claim: str, complaint: str) -> None:
    with pytest.raises(DocumentError, match=complaint):
        live(scenario(f"assertions: [{{{claim}}}]\n"), registry())
