"""A pair of IPsec SAs, one in each direction, and how it comes by its parameters: from configuration or negotiation."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from agent.core.config import (
    Direction,
    IpsecProposal,
    IpsecProtocol,
    ManualDirection,
    ManualKeys,
    ManualSa,
    SaMode,
)
from agent.core.identifiers import Spi
from agent.core.ike.agreement import Agreement, Material
from agent.core.ike.phase1 import Role
from agent.core.ike.sa import IkeSa
from agent.core.ipsec.lifetime import LifetimeLimits, LifetimeTimers, Usage, lifetimes
from agent.core.ipsec.sa import IpsecSa, SaKeys, SaProtocol, SaType
from agent.core.world import Timer, World

_NO_SPI = Spi(0)
_PROTOCOL: Final[Mapping[IpsecProtocol, SaProtocol]] = MappingProxyType(
    {
        IpsecProtocol.ESP: SaProtocol.ESP,
        IpsecProtocol.AH: SaProtocol.AH,
        IpsecProtocol.BUNDLE: SaProtocol.AH_ESP,
    }
)
"""How the SAs of a proposal protect packets."""


@dataclass(slots=True, eq=False)
class SaPair:
    """Two IPsec SAs that come and go together.

    `ike_sa` negotiated it and `role` was ours; both are None for a manual pair. `began_at` is the device time at which
    this end came to know of the negotiation. Until `sends_from`, in device time, the peer may not have it yet, so that
    the one before it is what protects. `is_spent` says that a soft lifetime is over, by the clock, by octets or since
    numbers come to an end. `handover` runs while the pair has a successor and is still there for packets that are under
    way.
    """

    inbound: IpsecSa
    outbound: IpsecSa
    ike_sa: IkeSa | None = None
    role: Role | None = None
    began_at: int = 0
    is_udp_encapsulated: bool = False
    sends_from: int = 0
    is_spent: bool = False
    timers: LifetimeTimers | None = None
    handover: Timer | None = None

    @property
    def is_retired(self) -> bool:
        """Whether another pair has taken its place."""
        return self.handover is not None

    @property
    def lowest_spi(self) -> Spi:
        """The lower of its SPIs: the same number at both ends."""
        return min(self.inbound.spi, self.outbound.spi)

    def is_rival_of(self, other: "SaPair") -> bool:
        """Whether each end negotiated one of the two before it knew of the other's.

        It shows in that the peer's message 1 came while ours had no answer yet.
        """
        if self.role is other.role:
            return False
        own, peers = (self, other) if self.role is Role.INITIATOR else (other, self)
        answered_at = own.inbound.installed_at
        assert answered_at is not None
        return own.began_at <= peers.began_at <= answered_at

    def reinstate(self) -> None:
        """Take its place again: there is no successor any more."""
        if self.handover is not None:
            self.handover.cancel()
            self.handover = None

    def close(self) -> None:
        """Stop its timers, and hear of no octets any more."""
        if self.timers is not None:
            self.timers.cancel()
        self.inbound.usage.cancel()
        self.outbound.usage.cancel()
        if self.handover is not None:
            self.handover.cancel()


def manual_pair(manual: ManualSa, mode: SaMode) -> SaPair:
    """Return the pair that is configured; bidirectional keys serve in both directions."""
    by_direction = {keys.direction: keys for keys in manual.keys}
    both = by_direction.get(ManualDirection.BIDIRECTIONAL)
    inbound = both or by_direction[ManualDirection.INBOUND]
    outbound = both or by_direction[ManualDirection.OUTBOUND]
    return SaPair(_manual_sa(Direction.INBOUND, inbound, mode), _manual_sa(Direction.OUTBOUND, outbound, mode))


def _manual_sa(direction: Direction, keys: ManualKeys, mode: SaMode) -> IpsecSa:
    authentication, encryption = keys.authentication, keys.encryption
    return IpsecSa(
        direction=direction,
        spi=Spi(keys.spi),
        aux_spi=Spi(keys.auxiliary_spi or _NO_SPI),
        mode=mode,
        type=SaType.MANUAL,
        protocol=_PROTOCOL[keys.protocol],
        authentication_algorithm=authentication.algorithm if authentication is not None else None,
        encryption_algorithm=encryption.algorithm if encryption is not None else None,
        keys=SaKeys(
            authentication.key if authentication is not None else b"", encryption.key if encryption is not None else b""
        ),
    )


def negotiated_pair(world: World, agreement: Agreement, replay_window_size: int) -> SaPair:
    """Return the pair that was agreed; its lifetimes begin now."""
    limits = LifetimeLimits(agreement.proposal.lifetime_seconds, agreement.proposal.lifetime_kilobytes)
    inbound = _negotiated_sa(world, Direction.INBOUND, agreement, agreement.inbound, limits, replay_window_size)
    outbound = _negotiated_sa(world, Direction.OUTBOUND, agreement, agreement.outbound, limits, replay_window_size)
    return SaPair(inbound, outbound, is_udp_encapsulated=agreement.is_udp_encapsulated)


def _negotiated_sa(
    world: World,
    direction: Direction,
    agreement: Agreement,
    material: Material,
    limits: LifetimeLimits,
    replay_window_size: int,
) -> IpsecSa:
    proposal, usage = agreement.proposal, Usage()
    soft, hard = lifetimes(world, limits, usage)
    spi, aux_spi = _spis(material)
    return IpsecSa(
        direction=direction,
        spi=spi,
        aux_spi=aux_spi,
        mode=agreement.mode,
        type=SaType.DYNAMIC,
        protocol=_PROTOCOL[proposal.protocol],
        authentication_algorithm=proposal.authentication_algorithm,
        encryption_algorithm=proposal.encryption_algorithm,
        keys=_keys(proposal, material),
        replay_window_size=replay_window_size,
        soft_lifetime=soft,
        hard_lifetime=hard,
        usage=usage,
    )


def _spis(material: Material) -> tuple[Spi, Spi]:
    """Return SPI and AUX-SPI: ESP's comes first where there are both."""
    if material.esp is None:
        assert material.ah is not None
        return material.ah.spi, _NO_SPI
    return material.esp.spi, material.ah.spi if material.ah is not None else _NO_SPI


def _keys(proposal: IpsecProposal, material: Material) -> SaKeys:
    """Return the keys; in a bundle AH authenticates and ESP encrypts."""
    authenticating = material.esp if proposal.protocol is IpsecProtocol.ESP else material.ah
    assert authenticating is not None
    return SaKeys(authenticating.authentication, material.esp.encryption if material.esp is not None else b"")
