"""Which identities a peer may go by. (The hashes are proved by the recordings.)"""

from ipaddress import ip_address

import pytest

from agent.core.ike.auth import address_identity, is_acceptable
from agent.core.ike.payloads import Identification
from tests.support.gateways import ALICE, BOB, policy


def identity(body: str) -> Identification:
    return Identification.decode(bytes.fromhex(body))


ALICES = address_identity(ALICE)
BOBS = address_identity(BOB)
FQDN = Identification(2, 0, 0, b"alice.example.org")


def test_an_address_identity_has_the_type_of_its_family() -> None:
    assert address_identity(ip_address("192.0.2.1")).encode().hex() == "01000000c0000201"
    assert address_identity(ip_address("2001:db8::1")).encode().hex() == "0500000020010db8" + "00" * 11 + "01"


def test_a_peer_may_go_by_its_own_address_and_no_other() -> None:
    assert is_acceptable(ALICES, policy(ALICE), ALICE, is_behind_nat=False)
    assert not is_acceptable(BOBS, policy(ALICE), ALICE, is_behind_nat=False)


def test_an_address_says_nothing_behind_a_translator() -> None:
    assert is_acceptable(BOBS, policy(ALICE), ALICE, is_behind_nat=True)


def test_an_address_of_the_other_type_is_no_address_of_the_peer() -> None:
    assert not is_acceptable(Identification(5, 0, 0, ALICE.packed), policy(ALICE), ALICE, is_behind_nat=False)


def test_a_name_is_taken_when_the_policy_asks_for_nothing_else() -> None:
    assert is_acceptable(FQDN, policy(ALICE), ALICE, is_behind_nat=False)


def test_a_policy_that_names_an_identity_takes_that_one_only() -> None:
    strict = policy(ALICE, remote_identity=FQDN.encode())
    assert is_acceptable(FQDN, strict, ALICE, is_behind_nat=False)
    for other in (ALICES, Identification(2, 0, 0, b"mallory.example.org"), Identification(3, 0, 0, FQDN.data)):
        assert not is_acceptable(other, strict, ALICE, is_behind_nat=True)


@pytest.mark.parametrize(
    ("protocol", "port", "is_taken"),
    [(0, 0, True), (17, 500, True), (17, 4500, True), (17, 501, False), (6, 500, False), (0, 500, False)],
)
def test_a_phase_1_identity_is_of_the_ike_ports_or_of_none(protocol: int, port: int, is_taken: bool) -> None:
    named = Identification(1, protocol, port, ALICE.packed)
    assert is_acceptable(named, policy(ALICE), ALICE, is_behind_nat=False) is is_taken
