"""The database of IPsec SAs: who has which SPI, and what an inbound packet finds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.config import Direction, IpsecAuthentication, SaMode
from agent.core.identifiers import Spi
from agent.core.ipsec.sa import IpsecSa, SaKeys, SaProtocol, SaType
from agent.core.ipsec.sad import Sad
from agent.core.world import SeededEntropy


def sad(seed: int = 1) -> Sad:
    return Sad(SeededEntropy(seed).draw)


def sa(spi: int, *, protocol: SaProtocol = SaProtocol.ESP, aux_spi: int = 0, outbound: bool = False) -> IpsecSa:
    return IpsecSa(
        direction=Direction.OUTBOUND if outbound else Direction.INBOUND,
        spi=Spi(spi),
        aux_spi=Spi(aux_spi),
        mode=SaMode.TUNNEL,
        type=SaType.DYNAMIC,
        protocol=protocol,
        authentication_algorithm=IpsecAuthentication.HMAC_MD5_96,
        encryption_algorithm=None,
        keys=SaKeys(authentication=b"hidden key"),
    )


class Scripted:
    """Entropy that gives out numbers one after the other."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)

    def draw(self, name: str, count: int) -> bytes:
        """Return the next number."""
        return self.numbers.pop(0).to_bytes(count)


def test_an_installed_sa_is_found_by_its_protocol_and_spi() -> None:
    database, each = sad(), sa(1000)
    database.install(each, now=5)
    assert database.find(SaProtocol.ESP, Spi(1000)) is each
    assert database.find(SaProtocol.AH, Spi(1000)) is None
    assert database.find(SaProtocol.ESP, Spi(1001)) is None
    assert each.is_installed
    assert each.installed_at == 5


def test_a_bundle_is_found_by_either_of_its_spis() -> None:
    database, each = sad(), sa(1000, protocol=SaProtocol.AH_ESP, aux_spi=2000)
    database.install(each, now=0)
    assert database.find(SaProtocol.ESP, Spi(1000)) is each
    assert database.find(SaProtocol.AH, Spi(2000)) is each
    assert database.find(SaProtocol.AH, Spi(1000)) is None
    database.remove(each)
    assert database.find(SaProtocol.ESP, Spi(1000)) is database.find(SaProtocol.AH, Spi(2000)) is None


def test_an_outbound_spi_is_its_receivers_and_finds_nothing() -> None:
    database = sad()
    database.install(sa(1000, outbound=True), now=0)
    database.install(sa(1000, outbound=True), now=0)
    assert database.find(SaProtocol.ESP, Spi(1000)) is None
    assert database.installed == 2


def test_what_is_removed_is_not_found_and_may_be_removed_again() -> None:
    database, each = sad(), sa(1000)
    database.install(each, now=0)
    database.remove(each)
    database.remove(each)
    assert database.find(SaProtocol.ESP, Spi(1000)) is None
    assert not each.is_installed
    assert database.installed == 0


def test_reserved_and_low_and_taken_spis_are_passed_over() -> None:
    database = Sad(Scripted(0, 255, 256, 256, 300, 400).draw)
    assert database.allocate() == 256
    database.install(sa(300, protocol=SaProtocol.AH), now=0)
    # 256 is in a negotiation and 300 in use, by another protocol.
    assert database.allocate() == 400
    assert database.reserved == 2


def test_an_spi_that_is_given_back_can_be_taken_again() -> None:
    database = Sad(Scripted(500, 500).draw)
    spi = database.allocate()
    database.release(spi)
    assert database.reserved == 0
    assert database.allocate() == spi


def test_installation_turns_a_reserved_spi_into_a_used_one() -> None:
    database = Sad(Scripted(500, 500, 501).draw)
    spi = database.allocate()
    database.install(sa(spi), now=0)
    assert database.reserved == 0
    assert database.allocate() == 501


@given(st.integers(0, 2**32))
@settings(max_examples=25)
def test_no_spi_is_given_twice_nor_below_the_reserved_ones(seed: int) -> None:
    database = sad(seed)
    spis = [database.allocate() for _ in range(200)]
    assert len(set(spis)) == 200
    assert min(spis) >= 256
    assert max(spis) < 2**32


def test_no_key_is_in_a_representation() -> None:
    assert "hidden key" not in repr(sa(1000))
