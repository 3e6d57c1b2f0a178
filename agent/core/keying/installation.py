"""Puts pairs into the database and takes them out: what is told of that, here and to the peer."""

from agent.core.events import IpsecDeletionReason, IpsecSaDeleted, IpsecSaInstalled
from agent.core.identifiers import Address, Spi
from agent.core.ike.numbers import ProtocolId
from agent.core.ipsec.sa import IpsecSa, SaProtocol
from agent.core.keying.association import TunnelSa
from agent.core.keying.ike_sas import IkeSas
from agent.core.keying.pair import SaPair
from agent.core.keying.protection import Protection
from agent.core.world import Bus, World


class Installation:
    """The pairs of one gateway that packets can use."""

    def __init__(self, world: World, bus: Bus, protection: Protection, ike_sas: IkeSas) -> None:
        self._world = world
        self._bus = bus
        self._protection = protection
        self._ike_sas = ike_sas
        self._negotiated_with: dict[Address, int] = {}

    def has_pairs_with(self, peer: Address) -> bool:
        """Whether there are negotiated pairs with a peer."""
        return self._negotiated_with.get(peer, 0) > 0

    def install(self, association: TunnelSa, pair: SaPair) -> None:
        """Let packets use a pair."""
        now = self._world.now
        self._protection.install(association, pair, now)
        self._count(association, pair, 1)
        self._bus.publish(IpsecSaInstalled(now, association.name, pair.inbound.spi, pair.outbound.spi))

    def remove(
        self, association: TunnelSa, pair: SaPair, reason: IpsecDeletionReason, *, tell_peer: bool = True
    ) -> None:
        """Let packets use a pair no longer. One that is not installed is left as it is."""
        if not pair.inbound.is_installed:
            return
        pair.close()
        self._protection.remove(association, pair)
        self._count(association, pair, -1)
        if pair.ike_sa is not None:
            pair.ike_sa.ipsec_sas_deleted += 2
            if tell_peer:
                self._tell(association, pair)
        deleted = IpsecSaDeleted(self._world.now, association.name, pair.inbound.spi, pair.outbound.spi, reason)
        self._bus.publish(deleted)

    def _tell(self, association: TunnelSa, pair: SaPair) -> None:
        """Tell the peer, if there is an IKE SA to do it under: by the SPIs that it sent to (RFC 2408 sec. 3.15)."""
        ends = association.plan.ends
        ike_sa = self._ike_sas.find(ends) if ends is not None else None
        if ike_sa is not None:
            ike_sa.send_ipsec_delete(wire_spis(pair.inbound))

    def _count(self, association: TunnelSa, pair: SaPair, change: int) -> None:
        ends = association.plan.ends
        if pair.ike_sa is not None and ends is not None:
            self._negotiated_with[ends.remote] = self._negotiated_with.get(ends.remote, 0) + change


def wire_spis(sa: IpsecSa) -> dict[ProtocolId, Spi]:
    """Return the SPIs of an SA by their protocols as IKE numbers them."""
    return {ProtocolId.AH if protocol is SaProtocol.AH else ProtocolId.ESP: spi for protocol, spi in sa.spis}
