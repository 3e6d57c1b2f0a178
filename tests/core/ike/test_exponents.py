"""Private values of Diffie-Hellman that the settings let several negotiations of phase 1 use, and none of phase 2."""

from collections import Counter
from ipaddress import ip_address

import pytest

from agent.core.config import DhGroup, ExchangeMode, IkeSettings
from agent.core.identifiers import Address
from agent.core.ike.exponents import Exponents
from agent.core.ike.message import Message
from agent.core.ike.payloads import KeyExchange, Nonce
from agent.core.world import SECOND, Entropy, World
from tests.support.gateways import ALICE, BOB, ESP, Gateway, Pair, policy


class CountedEntropy:
    """Entropy that counts the private values that are drawn for each gateway."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self.draws: Counter[Address] = Counter()

    def draw(self, name: str, count: int) -> bytes:
        """Draw, and count."""
        gateway, _, purpose = name.partition("/ike/")
        if purpose == "exponent":
            self.draws[ip_address(gateway)] += 1
        return self._entropy.draw(name, count)


SHARED = IkeSettings(exponent_uses=3, exponent_lifetime_us=60 * SECOND)


def exchanged(gateway: Gateway) -> list[tuple[bytes, bytes]]:
    """What a gateway has sent in phase 1, in the clear: its public values, each with the nonce beside it."""
    messages = [Message.decode(each.payload) for each in gateway.sent if each.label in ("main", "aggressive")]
    found = [message for message in messages if any(isinstance(each, KeyExchange) for each in message.payloads)]
    return [(message.only(KeyExchange).value, message.only(Nonce).value) for message in found]


def establish(pair: Pair, times: int) -> list[bytes]:
    """Have Alice begin so many times; return the public values that she has sent."""
    for _ in range(times):
        alices, bobs = pair.establish()
        assert bobs.initiator_cookie == alices.initiator_cookie, "each has read what the other has encrypted"
    return [public for public, _ in exchanged(pair.alice)]


def test_a_private_value_is_for_one_negotiation_unless_the_settings_say_otherwise() -> None:
    pair = Pair()
    assert len(set(establish(pair, 3))) == 3
    assert len({public for public, _ in exchanged(pair.bob)}) == 3


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_negotiations_share_a_private_value_where_the_settings_say_so(who: str) -> None:
    pair = Pair(**{who: SHARED})  # type: ignore[arg-type]
    establish(pair, 2)
    ends = {name: exchanged(gateway) for name, gateway in (("alice", pair.alice), ("bob", pair.bob))}
    publics = {name: {public for public, _ in found} for name, found in ends.items()}
    assert len(publics.pop(who)) == 1
    assert [len(others) for others in publics.values()] == [2], "the other end has its own settings"
    assert len({nonce for found in ends.values() for _, nonce in found}) == 4, "nonces are fresh"


def test_a_private_value_is_good_for_so_many_negotiations_and_no_more() -> None:
    publics = establish(Pair(alice=SHARED), 7)
    assert [publics.count(each) for each in dict.fromkeys(publics)] == [3, 3, 1]


def test_a_private_value_is_forgotten_in_time() -> None:
    pair = Pair(alice=SHARED)
    establish(pair, 1)
    pair.run(seconds=61)
    first, second = establish(pair, 1)
    assert first != second


def taken(exponents: Exponents, *groups: DhGroup) -> list[bytes]:
    """What is taken, one after the other."""
    return [exponents.take(group).exponent for group in groups]


def test_one_group_uses_nothing_of_another() -> None:
    world = World(now=0, seed=7)
    exponents = Exponents(world, SHARED, world.entropy.draw)
    one, two, again = taken(exponents, DhGroup.GROUP1, DhGroup.GROUP2, DhGroup.GROUP1)
    assert one == again != two


def test_nothing_is_kept_once_it_has_been_used_up() -> None:
    world = World(now=0, seed=7)
    exponents = Exponents(world, SHARED, world.entropy.draw)
    taken(exponents, *[DhGroup.GROUP2] * 3)
    assert world.next_deadline() is None, "nothing waits to be forgotten"


def test_a_seed_gives_the_same_values() -> None:
    assert establish(Pair(alice=SHARED), 4) == establish(Pair(alice=SHARED), 4)


def test_no_printed_value_tells_a_secret() -> None:
    world = World(now=0, seed=7)
    value = Exponents(world, SHARED, world.entropy.draw).take(DhGroup.GROUP1)
    assert value.exponent.hex() not in repr(value)
    assert repr(value.exponent) not in repr(value)


def test_perfect_forward_secrecy_takes_a_fresh_value_every_time() -> None:
    pair = Pair(alice=SHARED, bob=SHARED)
    pair.set_terms(ESP, group=DhGroup.GROUP2)
    alices, _ = pair.establish()
    pair.world.entropy = counted = CountedEntropy(pair.world.entropy)
    for _ in range(2):
        pair.negotiate(alices)
        pair.run(seconds=1)
    assert len(pair.alice.policies.agreed) == len(pair.bob.policies.agreed) == 2
    assert counted.draws == {ALICE: 2, BOB: 2}


def test_aggressive_mode_shares_them_too() -> None:
    pair = Pair(alice=SHARED)
    pair.alice.policies.by_address[BOB] = policy(BOB, mode=ExchangeMode.AGGRESSIVE)
    pair.bob.policies.by_address[ALICE] = policy(ALICE, mode=ExchangeMode.AGGRESSIVE)
    first, second = establish(pair, 2)
    assert first == second
