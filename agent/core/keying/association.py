"""One configured security association as it is: its pairs, the one in use, and what all of them have carried."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from agent.core.config import Direction, SaMode
from agent.core.identifiers import Address, Spi
from agent.core.ipsec.sa import IpsecSa, SaStatistics, SaType
from agent.core.keying.pair import SaPair
from agent.core.keying.plan import InterfaceFamilyState, Plan


class TunnelSa:
    """A security association by its name. While it is rekeyed it has two pairs; a manual one always has its own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rekeys = 0
        self._pairs: list[SaPair] = []
        self._gone_inbound = SaStatistics()
        self._gone_outbound = SaStatistics()

    # What is shown

    @property
    def name(self) -> str:
        """The configured name."""
        return self.plan.config.name

    @property
    def mode(self) -> SaMode:
        """Tunnel or transport."""
        return self.plan.config.mode

    @property
    def type(self) -> SaType:
        """Manual or dynamic."""
        return SaType.DYNAMIC if self.plan.config.is_dynamic else SaType.MANUAL

    @property
    def interface_family(self) -> InterfaceFamilyState | None:
        """How it is bound to an interface; None in transport mode."""
        return self.plan.interface_family

    @property
    def current_local_address(self) -> Address | None:
        """This end's address, where there is one."""
        return self.plan.ends.local if self.plan.ends is not None else None

    @property
    def current_remote_address(self) -> Address | None:
        """The other end's address, where there is one."""
        return self.plan.ends.remote if self.plan.ends is not None else None

    @property
    def interface(self) -> str | None:
        """The logical interface that it belongs to, such as es-1/3/0.0."""
        return self.plan.interface

    @property
    def sas(self) -> Mapping[tuple[Direction, Spi], IpsecSa]:
        """Every SA of its pairs, the older pair first and inbound before outbound."""
        pairs = self._pairs  # Kept in no mapping: there are many security associations with one pair each.
        return MappingProxyType({(sa.direction, sa.spi): sa for pair in pairs for sa in (pair.inbound, pair.outbound)})

    def each_sa(self) -> Iterator[IpsecSa]:
        """Iterate over the SAs in the same order, skipping those that vanish on the way."""
        for pair in tuple(self._pairs):
            if pair in self._pairs:
                yield pair.inbound
                yield pair.outbound

    @property
    def inbound(self) -> SaStatistics:
        """A copy of the counters of all inbound SAs so far, those that are gone included."""
        return _total(self._gone_inbound, [pair.inbound.statistics for pair in self._pairs])

    @property
    def outbound(self) -> SaStatistics:
        """A copy of the counters of all outbound SAs so far, those that are gone included."""
        return _total(self._gone_outbound, [pair.outbound.statistics for pair in self._pairs])

    # What the policy manager does with it

    @property
    def pairs(self) -> tuple[SaPair, ...]:
        """The pairs, the oldest first."""
        return tuple(self._pairs)

    @property
    def current(self) -> SaPair | None:
        """The pair in use: the one that none has taken the place of."""
        for pair in reversed(self._pairs):
            if not pair.is_retired:
                return pair
        return None

    def sending(self, now: int) -> SaPair | None:
        """The pair that protects what leaves: the one in use, but the one before it while the peer may lack that."""
        current = self.current
        if current is None or current.sends_from <= now:
            return current
        return next((pair for pair in reversed(self._pairs) if pair.is_retired), current)

    def add(self, pair: SaPair) -> None:
        """Have one more pair."""
        self._pairs.append(pair)

    def remove(self, pair: SaPair) -> None:
        """Have a pair no longer; what it carried stays counted."""
        self._pairs.remove(pair)
        self._gone_inbound.add(pair.inbound.statistics)
        self._gone_outbound.add(pair.outbound.statistics)


def _total(gone: SaStatistics, present: list[SaStatistics]) -> SaStatistics:
    total = SaStatistics(
        gone.bytes, gone.packets, gone.replay_drops, gone.authentication_failures, gone.decryption_failures
    )
    for each in present:
        total.add(each)
    return total
