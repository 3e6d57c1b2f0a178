"""What a configuration refuses to hold, and what it never shows."""

from ipaddress import ip_address

import pytest

from agent.core.config import IkeConfig, Retransmission
from agent.core.identifiers import Endpoint
from agent.core.world import SECOND
from tests.support.gateways import ALICE, BOB, policy


def test_a_policy_is_found_by_the_address_of_its_peer() -> None:
    config = IkeConfig((policy(ALICE), policy(BOB)))
    found = config.policy_for(ip_address("198.51.100.2"))
    assert found is not None
    assert found.peer_address == BOB
    assert config.policy_for(ip_address("203.0.113.1")) is None


def test_two_policies_for_one_peer_are_refused() -> None:
    with pytest.raises(ValueError, match="one peer address"):
        IkeConfig((policy(ALICE), policy(ALICE)))


def test_a_pre_shared_key_is_in_no_representation() -> None:
    assert "hunter2" not in repr(IkeConfig((policy(ALICE, pre_shared_key=b"hunter2"),)))


def test_retransmissions_back_off_and_end() -> None:
    schedule = Retransmission(first_interval_us=SECOND, backoff=2, limit=3)
    assert [schedule.interval_us(attempt) for attempt in range(4)] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]
    assert schedule.span_us == 15 * SECOND


@pytest.mark.parametrize(("address", "text"), [("192.0.2.1", "192.0.2.1:500"), ("2001:db8::1", "[2001:db8::1]:500")])
def test_an_endpoint_reads_as_one_writes_it(address: str, text: str) -> None:
    assert str(Endpoint(ip_address(address), 500)) == text
