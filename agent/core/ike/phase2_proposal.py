"""Phase 2 proposals (RFC 2407 sec. 4.4.3 to 4.5, RFC 3947 sec. 5.1): what is offered, and what is chosen.

Proposals of one number are offered together, and a bundle is two: AH and ESP. Otherwise transforms of one protocol
share a proposal and its SPI. As in phase 1, a transform is acceptable only when every attribute in it is understood,
the chosen one goes back as it came, and what does not depend on SPIs is remembered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from itertools import groupby, product
from types import MappingProxyType
from typing import Final, NamedTuple

from agent.core.config import (
    LEAST_SPI,
    DhGroup,
    EncryptionAlgorithm,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProposal,
    IpsecProtocol,
    SaMode,
)
from agent.core.identifiers import Spi
from agent.core.ike import lifetime
from agent.core.ike.lifetime import PHASE_2_LIFE, Lifetimes
from agent.core.ike.numbers import ProtocolId
from agent.core.ike.phase2_keymat import Protection, protections
from agent.core.ike.security_association import REMEMBERED, Attribute, Proposal, SecurityAssociation, Transform


class AttributeType(IntEnum):
    """Phase 2 attributes that are understood (RFC 2407 sec. 4.5)."""

    LIFE_TYPE = PHASE_2_LIFE.life_type
    LIFE_DURATION = PHASE_2_LIFE.life_duration
    GROUP_DESCRIPTION = 3
    ENCAPSULATION_MODE = 4
    AUTHENTICATION_ALGORITHM = 5


DEFAULT_LIFETIME_SECONDS: Final = 28800
"""What a transform without a lifetime in seconds means (RFC 2407 sec. 4.5)."""

_SPI_OCTETS: Final = 4
_UDP_ENCAPSULATED: Final = 2
"""What the modes of encapsulation in UDP are higher by (RFC 3947 sec. 5.1)."""

_GROUP: Final[Mapping[DhGroup, int]] = MappingProxyType({DhGroup.GROUP1: 1, DhGroup.GROUP2: 2})
_MODE: Final[Mapping[SaMode, int]] = MappingProxyType({SaMode.TUNNEL: 1, SaMode.TRANSPORT: 2})
_AUTHENTICATION: Final[Mapping[IpsecAuthentication, int]] = MappingProxyType(
    {IpsecAuthentication.HMAC_MD5_96: 1, IpsecAuthentication.HMAC_SHA1_96: 2}
)
_AH_TRANSFORM: Final[Mapping[IpsecAuthentication, int]] = MappingProxyType(
    {IpsecAuthentication.HMAC_MD5_96: 2, IpsecAuthentication.HMAC_SHA1_96: 3}
)
_ESP_TRANSFORM: Final[Mapping[EncryptionAlgorithm, int]] = MappingProxyType(
    {EncryptionAlgorithm.DES_CBC: 2, EncryptionAlgorithm.TRIPLE_DES_CBC: 3}
)
_ESP_NULL: Final = 11


class Manner(NamedTuple):
    """How everything of one negotiation is protected: the group of PFS, the mode, and whether within UDP."""

    group: DhGroup | None
    mode: SaMode
    is_udp_encapsulated: bool

    @property
    def encapsulation(self) -> int:
        """The number of the encapsulation mode."""
        return _MODE[self.mode] + (_UDP_ENCAPSULATED if self.is_udp_encapsulated else 0)


class Choice(NamedTuple):
    """What is agreed on, with the lifetimes for it, and what either end says about it.

    Where `is_shortened`, a lifetime is shorter than the initiator can know from that.
    """

    proposal: IpsecProposal
    chosen: tuple[Proposal, ...]
    peer_spis: dict[ProtocolId, Spi]
    is_shortened: bool

    def answer(self, spis: Mapping[ProtocolId, Spi]) -> SecurityAssociation:
        """Return the SA payload that agrees, with the SPIs of this end."""
        return SecurityAssociation(tuple(_named(spis[ProtocolId(each.protocol)], each) for each in self.chosen))


def _named(spi: Spi, proposal: Proposal) -> Proposal:
    return Proposal(proposal.number, proposal.protocol, spi.to_bytes(_SPI_OCTETS), proposal.transforms)


# Offering


def without_ah(policy: IpsecPolicy) -> IpsecPolicy:
    """Return what is left of a policy where AH cannot be."""
    left = tuple(each for each in policy.proposals if each.protocol is IpsecProtocol.ESP)
    return policy if len(left) == len(policy.proposals) else replace(policy, proposals=left)


def needs_ah(offered: SecurityAssociation) -> bool:
    """Say whether AH is in all that is offered, by itself or in a bundle."""
    numbers = {each.number for each in offered.proposals if each.protocol == ProtocolId.AH}
    return all(each.number in numbers for each in offered.proposals)


def protocols(policy: IpsecPolicy) -> tuple[ProtocolId, ...]:
    """Return the protocols that an offer needs an SPI for."""
    needed = dict.fromkeys(part.protocol for proposal in policy.proposals for part in protections(proposal))
    return tuple(needed)


def offer(policy: IpsecPolicy, manner: Manner, spis: Mapping[ProtocolId, Spi]) -> SecurityAssociation:
    """Return the SA payload that offers everything a policy allows, the most wanted first."""
    nameless = _nameless_offer(policy.proposals, manner)
    return SecurityAssociation(tuple(_named(spis[ProtocolId(each.protocol)], each) for each in nameless))


@lru_cache(REMEMBERED)
def _nameless_offer(proposals: tuple[IpsecProposal, ...], manner: Manner) -> tuple[Proposal, ...]:
    """Return what is offered, but for the SPIs."""
    found: list[Proposal] = []
    for number, alternatives in enumerate(_shared(proposals), start=1):
        for parts in zip(*(protections(each) for each in alternatives), strict=True):
            transforms = tuple(
                _transform(index, part, proposal, manner)
                for index, (part, proposal) in enumerate(zip(parts, alternatives, strict=True), start=1)
            )
            found.append(Proposal(number, parts[0].protocol, b"", transforms))
    return tuple(found)


def _shared(proposals: Sequence[IpsecProposal]) -> Iterator[tuple[IpsecProposal, ...]]:
    """Yield neighbours that can be transforms of one proposal: a bundle cannot share, its parts belong together."""
    for protocol, neighbours in groupby(proposals, lambda each: each.protocol):
        if protocol is IpsecProtocol.BUNDLE:
            yield from ((each,) for each in neighbours)
        else:
            yield tuple(neighbours)


def _transform(number: int, part: Protection, proposal: IpsecProposal, manner: Manner) -> Transform:
    demanded = tuple(Attribute.of(kind, value) for kind, value in _demanded(part, manner).items())
    return Transform.of(number, _identifier(part), demanded + lifetimes_of(proposal).attributes(PHASE_2_LIFE))


def _identifier(part: Protection) -> int:
    if part.protocol is ProtocolId.AH:
        assert part.authentication is not None
        return _AH_TRANSFORM[part.authentication]
    return _ESP_NULL if part.encryption is None else _ESP_TRANSFORM[part.encryption]


def lifetimes_of(proposal: IpsecProposal) -> Lifetimes:
    """Return the lifetimes of a proposal."""
    return Lifetimes(proposal.lifetime_seconds, proposal.lifetime_kilobytes)


def shortened(proposal: IpsecProposal, *others: Lifetimes) -> IpsecProposal:
    """Return the proposal with its lifetimes, or those of the others where they are shorter."""
    least = own = lifetimes_of(proposal)
    for each in others:
        least = least.shortened_by(each)
    if least == own:
        return proposal
    assert least.seconds is not None
    return replace(proposal, lifetime_seconds=least.seconds, lifetime_kilobytes=least.kilobytes)


def _demanded(part: Protection, manner: Manner) -> dict[int, int]:
    """Return the attributes but for the lifetimes, in the order in which they are sent."""
    demanded: dict[int, int] = {}
    if part.authentication is not None:
        demanded[AttributeType.AUTHENTICATION_ALGORITHM] = _AUTHENTICATION[part.authentication]
    if manner.group is not None:
        demanded[AttributeType.GROUP_DESCRIPTION] = _GROUP[manner.group]
    demanded[AttributeType.ENCAPSULATION_MODE] = manner.encapsulation
    return demanded


# Choosing


def choose(offered: SecurityAssociation, policy: IpsecPolicy, manner: Manner) -> Choice | None:
    """Return the first of the initiator's proposals and transforms that a policy allows, or None.

    The lifetimes are the shorter ones of both ends (RFC 2407 sec. 4.5.4).
    """
    for parts in _together(offered.proposals):
        spis = _spis(parts)
        if spis is None:
            continue
        offers = tuple((protocol, part.transforms) for protocol, part in zip(spis, parts, strict=True))
        selection = _select(offers, policy.proposals, manner)
        if selection is not None:
            found, transforms, is_shortened = selection
            chosen = (
                Proposal(part.number, part.protocol, part.spi, (transform,))
                for part, transform in zip(parts, transforms, strict=True)
            )
            return Choice(found, tuple(chosen), spis, is_shortened)
    return None


def _together(proposals: tuple[Proposal, ...]) -> Iterator[tuple[Proposal, ...]]:
    """Yield the proposals of each number, which are offered together: mostly there is but one."""
    if len(proposals) == 1:
        yield proposals
        return
    for _, together in groupby(proposals, lambda each: each.number):
        yield tuple(together)


@lru_cache(REMEMBERED)
def _select(
    offers: tuple[tuple[ProtocolId, tuple[Transform, ...]], ...], allowed: tuple[IpsecProposal, ...], manner: Manner
) -> tuple[IpsecProposal, tuple[Transform, ...], bool] | None:
    """Return what is agreed on, the transform of each protocol, and whether a lifetime is shorter than offered."""
    for transforms in product(*(each for _, each in offers)):
        read = {protocol: _read(each) for (protocol, _), each in zip(offers, transforms, strict=True)}
        found = _agree(read, allowed, manner)
        if found is not None:
            is_shortened = any(each is not None and each.lifetimes != lifetimes_of(found) for each in read.values())
            return found, transforms, is_shortened
    return None


def accepted(
    answer: SecurityAssociation, offered: SecurityAssociation, policy: IpsecPolicy, manner: Manner
) -> Choice | None:
    """Return what the responder chose, or None when the answer is none of what was offered (RFC 2408 sec. 4.2)."""
    if not all(_is_offered(each, offered) for each in answer.proposals):
        return None
    choice = choose(answer, policy, manner)
    return choice if choice is not None and choice.chosen == answer.proposals else None


def _is_offered(answered: Proposal, offered: SecurityAssociation) -> bool:
    return any(
        answered.transforms == (transform,) or [_read(each) for each in answered.transforms] == [_read(transform)]
        for each in offered.proposals
        if each.protocol == answered.protocol
        for transform in each.transforms
    )


def _spis(parts: Sequence[Proposal]) -> dict[ProtocolId, Spi] | None:
    """Return the SPI of each part; None unless they are ESP, AH or one of each, with SPIs that can be."""
    spis: dict[ProtocolId, Spi] = {}
    for part in parts:
        spi = Spi(int.from_bytes(part.spi))
        if part.protocol not in (ProtocolId.AH, ProtocolId.ESP) or part.protocol in spis:
            return None
        if len(part.spi) != _SPI_OCTETS or spi < LEAST_SPI:
            return None
        spis[ProtocolId(part.protocol)] = spi
    return spis


@dataclass(frozen=True, slots=True)
class _Read:
    """What a transform says, once it is understood."""

    identifier: int
    values: dict[int, int]
    lifetimes: Lifetimes


def _agree(
    read: Mapping[ProtocolId, _Read | None], allowed: Sequence[IpsecProposal], manner: Manner
) -> IpsecProposal | None:
    """Return the first allowed proposal that the transforms meet, one with the same lifetimes before one without."""
    lives = [each.lifetimes for each in read.values() if each is not None]
    found: IpsecProposal | None = None
    for proposal in allowed:
        parts = protections(proposal)
        if len(parts) == len(read) and all(_meets(read.get(each.protocol), each, manner) for each in parts):
            if all(each == lifetimes_of(proposal) for each in lives):
                return proposal
            found = found or shortened(proposal, *lives)
    return found


def _meets(read: _Read | None, part: Protection, manner: Manner) -> bool:
    return read is not None and read.identifier == _identifier(part) and read.values == _demanded(part, manner)


def _read(transform: Transform) -> _Read | None:
    """Return what a transform says, or None when it is not understood."""
    found = lifetime.read(transform.attributes, _KNOWN, PHASE_2_LIFE)
    if found is None:
        return None
    values, said = found
    seconds = DEFAULT_LIFETIME_SECONDS if said.seconds is None else said.seconds
    return _Read(transform.identifier, values, Lifetimes(seconds, said.kilobytes))


_KNOWN: Final = frozenset(int(each) for each in AttributeType)
