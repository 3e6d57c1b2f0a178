"""Which IKE SA a datagram belongs to, by its cookies and where it comes from (RFC 2408 sec. 2.4)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.core.events import DropReason
from agent.core.identifiers import Address, Cookie, IkeSaId
from agent.core.ike.exchange import Discarded
from agent.core.ike.message import ZERO_COOKIE, Header
from agent.core.ike.natt import Path
from agent.core.ike.numbers import ExchangeType
from agent.core.ike.phase1 import Role
from agent.core.ike.sa import IkeSa

PHASE_1_EXCHANGES: Final = frozenset({ExchangeType.MAIN, ExchangeType.AGGRESSIVE})


class IkeSaIndex:
    """The IKE SAs of one engine, under everything that they are looked up by."""

    def __init__(self) -> None:
        self._by_id: dict[IkeSaId, IkeSa] = {}
        self._by_peer: dict[Address, tuple[IkeSa, ...]] = {}
        self._by_cookies: dict[bytes, IkeSa] = {}
        # A first message has but one cookie: our own go by it, others' by their sender and it.
        self._initiated: dict[Cookie, IkeSa] = {}
        self._answered: dict[tuple[Address, Cookie], IkeSa] = {}

    @property
    def all(self) -> Mapping[IkeSaId, IkeSa]:
        """Every IKE SA in the order of the ids."""
        return MappingProxyType(self._by_id)

    def with_peer(self, address: Address) -> tuple[IkeSa, ...]:
        """Return the IKE SAs with one peer, in the order of their ids."""
        return self._by_peer.get(address, ())

    def find(self, header: Header, path: Path) -> IkeSa | None:
        """Return the IKE SA of a datagram, or None when it may be the first message of a new one.

        Raises Discarded for what is neither.
        """
        if header.initiator_cookie == ZERO_COOKIE:
            raise Discarded(DropReason.MALFORMED_MESSAGE)
        sa = self._by_cookies.get(header.initiator_cookie + header.responder_cookie)
        sender = path.remote.address
        if sa is None:
            if header.responder_cookie == ZERO_COOKIE and header.exchange_type in PHASE_1_EXCHANGES:
                if header.initiator_cookie in self._initiated:
                    # Our own message 1 has come back to us.
                    raise Discarded(DropReason.UNEXPECTED_MESSAGE)
                return self._answered.get((sender, header.initiator_cookie))
            sa = self._initiated.get(header.initiator_cookie)
        # An address is compared in Python, unless it is the same object: so it mostly is.
        if sa is None or (sa.remote.address is not sender and sa.remote.address != sender):
            raise Discarded(DropReason.UNKNOWN_COOKIE)
        return sa

    def add(self, sa: IkeSa) -> None:
        """Know a new IKE SA."""
        address = sa.remote.address
        self._by_id[sa.id] = sa
        self._by_peer[address] = (*self._by_peer.get(address, ()), sa)
        if sa.role is Role.INITIATOR:
            self._initiated[sa.initiator_cookie] = sa
        else:
            self._answered[address, sa.initiator_cookie] = sa
            self._by_cookies[sa.cookies.spi] = sa

    def note_cookies(self, sa: IkeSa) -> None:
        """Once the responder's cookie is known, the pair of them finds the IKE SA, and the first alone no longer."""
        if sa.responder_cookie != ZERO_COOKIE and self._initiated.pop(sa.initiator_cookie, None) is not None:
            self._by_cookies[sa.cookies.spi] = sa

    def remove(self, sa: IkeSa) -> None:
        """Know an IKE SA no longer; its id is not used again."""
        address = sa.remote.address
        del self._by_id[sa.id]
        rest = tuple(each for each in self._by_peer[address] if each is not sa)
        if rest:
            self._by_peer[address] = rest
        else:
            del self._by_peer[address]
        self._by_cookies.pop(sa.cookies.spi, None)
        if sa.role is Role.INITIATOR:
            self._initiated.pop(sa.initiator_cookie, None)
        else:
            self._answered.pop((address, sa.initiator_cookie), None)
