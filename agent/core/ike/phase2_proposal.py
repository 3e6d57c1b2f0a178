"""Phase 2 proposals (RFC 2407 sec. 4.4.3 to 4.5, RFC 3947 sec. 5.1): what is offered, and what is chosen.

Proposals of one number are offered together, and a bundle is two: AH and ESP. Otherwise transforms of one protocol
share a proposal and its SPI. As in phase 1, a transform is acceptable only when every attribute in it is understood,
and the chosen one goes back as it came.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import groupby, product
from types import MappingProxyType
from typing import Final

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
from agent.core.ike.numbers import ProtocolId
from agent.core.ike.phase2_keymat import Protection, protections
from agent.core.ike.security_association import Attribute, Proposal, SecurityAssociation, Transform


class AttributeType(IntEnum):
    """Phase 2 attributes that are understood (RFC 2407 sec. 4.5)."""

    LIFE_TYPE = 1
    LIFE_DURATION = 2
    GROUP_DESCRIPTION = 3
    ENCAPSULATION_MODE = 4
    AUTHENTICATION_ALGORITHM = 5


DEFAULT_LIFETIME_SECONDS: Final = 28800
"""What a transform without a lifetime in seconds means (RFC 2407 sec. 4.5)."""

_SECONDS: Final = 1
_KILOBYTES: Final = 2
_SPI_OCTETS: Final = 4
_LONGEST_NUMBER: Final = 4
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


@dataclass(frozen=True, slots=True)
class Manner:
    """How everything of one negotiation is protected: the group of PFS, the mode, and whether within UDP."""

    group: DhGroup | None
    mode: SaMode
    is_udp_encapsulated: bool

    @property
    def encapsulation(self) -> int:
        """The number of the encapsulation mode."""
        return _MODE[self.mode] + (_UDP_ENCAPSULATED if self.is_udp_encapsulated else 0)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is agreed on, with the lifetimes for it, and what either end says about it."""

    proposal: IpsecProposal
    chosen: tuple[Proposal, ...]
    peer_spis: dict[ProtocolId, Spi]

    def answer(self, spis: Mapping[ProtocolId, Spi]) -> SecurityAssociation:
        """Return the SA payload that agrees, with the SPIs of this end."""
        named = (replace(each, spi=spis[ProtocolId(each.protocol)].to_bytes(_SPI_OCTETS)) for each in self.chosen)
        return SecurityAssociation(tuple(named))


# Offering


def protocols(policy: IpsecPolicy) -> tuple[ProtocolId, ...]:
    """Return the protocols that an offer needs an SPI for."""
    needed = dict.fromkeys(part.protocol for proposal in policy.proposals for part in protections(proposal))
    return tuple(needed)


def offer(policy: IpsecPolicy, manner: Manner, spis: Mapping[ProtocolId, Spi]) -> SecurityAssociation:
    """Return the SA payload that offers everything a policy allows, the most wanted first."""
    found: list[Proposal] = []
    for number, alternatives in enumerate(_shared(policy.proposals), start=1):
        for parts in zip(*(protections(each) for each in alternatives), strict=True):
            transforms = tuple(
                _transform(index, part, proposal, manner)
                for index, (part, proposal) in enumerate(zip(parts, alternatives, strict=True), start=1)
            )
            spi = spis[parts[0].protocol].to_bytes(_SPI_OCTETS)
            found.append(Proposal(number, parts[0].protocol, spi, transforms))
    return SecurityAssociation(tuple(found))


def _shared(proposals: Sequence[IpsecProposal]) -> Iterator[tuple[IpsecProposal, ...]]:
    """Yield neighbours that can be transforms of one proposal: a bundle cannot share, its parts belong together."""
    for protocol, neighbours in groupby(proposals, lambda each: each.protocol):
        if protocol is IpsecProtocol.BUNDLE:
            yield from ((each,) for each in neighbours)
        else:
            yield tuple(neighbours)


def _transform(number: int, part: Protection, proposal: IpsecProposal, manner: Manner) -> Transform:
    return Transform(number, _identifier(part), tuple(_attributes(part, proposal, manner)))


def _identifier(part: Protection) -> int:
    if part.protocol is ProtocolId.AH:
        assert part.authentication is not None
        return _AH_TRANSFORM[part.authentication]
    return _ESP_NULL if part.encryption is None else _ESP_TRANSFORM[part.encryption]


def _attributes(part: Protection, proposal: IpsecProposal, manner: Manner) -> Iterator[Attribute]:
    for kind, value in _demanded(part, manner).items():
        yield Attribute.of(kind, value)
    yield Attribute.of(AttributeType.LIFE_TYPE, _SECONDS)
    yield Attribute.of(AttributeType.LIFE_DURATION, proposal.lifetime_seconds)
    if proposal.lifetime_kilobytes is not None:
        yield Attribute.of(AttributeType.LIFE_TYPE, _KILOBYTES)
        yield Attribute.of(AttributeType.LIFE_DURATION, proposal.lifetime_kilobytes)


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


@dataclass(frozen=True, slots=True)
class _Lifetimes:
    seconds: int = DEFAULT_LIFETIME_SECONDS
    kilobytes: int | None = None


def choose(offered: SecurityAssociation, policy: IpsecPolicy, manner: Manner) -> Choice | None:
    """Return the first of the initiator's proposals and transforms that a policy allows, or None.

    The lifetimes are the shorter ones of both ends (RFC 2407 sec. 4.5.4).
    """
    for _, together in groupby(offered.proposals, lambda each: each.number):
        parts = tuple(together)
        spis = _spis(parts)
        if spis is None:
            continue
        for transforms in product(*(part.transforms for part in parts)):
            found = _agree(dict(zip(spis, transforms, strict=True)), policy.proposals, manner)
            if found is not None:
                chosen = (replace(part, transforms=(each,)) for part, each in zip(parts, transforms, strict=True))
                return Choice(found, tuple(chosen), spis)
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
        answered.transforms == (transform,)
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


def _agree(
    transforms: Mapping[ProtocolId, Transform], allowed: Sequence[IpsecProposal], manner: Manner
) -> IpsecProposal | None:
    """Return the first allowed proposal that the transforms meet, one with the same lifetimes before one without."""
    read = {protocol: _read(transform) for protocol, transform in transforms.items()}
    lives = [each[1] for each in read.values() if each is not None]
    found: IpsecProposal | None = None
    for proposal in allowed:
        parts = protections(proposal)
        is_met = all(_meets(transforms.get(each.protocol), read.get(each.protocol), each, manner) for each in parts)
        if is_met and len(parts) == len(transforms):
            if all(each == _Lifetimes(proposal.lifetime_seconds, proposal.lifetime_kilobytes) for each in lives):
                return proposal
            found = found or _shortened(proposal, lives)
    return found


_Read = tuple[dict[int, int], _Lifetimes]


def _meets(transform: Transform | None, read: _Read | None, part: Protection, manner: Manner) -> bool:
    if transform is None or read is None or transform.identifier != _identifier(part):
        return False
    return read[0] == _demanded(part, manner)


def _shortened(proposal: IpsecProposal, lives: Sequence[_Lifetimes]) -> IpsecProposal:
    seconds = min(proposal.lifetime_seconds, *(each.seconds for each in lives))
    limits = [each for each in (proposal.lifetime_kilobytes, *(each.kilobytes for each in lives)) if each is not None]
    return replace(proposal, lifetime_seconds=seconds, lifetime_kilobytes=min(limits) if limits else None)


def _read(transform: Transform) -> _Read | None:
    """Return the attributes by type, and the lifetimes; None when one is unknown, given twice or not a number.

    A life type stands in front of its duration.
    """
    values: dict[int, int] = {}
    durations: dict[int, int] = {}
    life_type: int | None = None
    for attribute in transform.attributes:
        kind, value = attribute.kind, attribute.number
        if kind not in _KNOWN or len(attribute.value) > _LONGEST_NUMBER:
            return None
        if kind == AttributeType.LIFE_TYPE:
            life_type = value
        elif kind == AttributeType.LIFE_DURATION:
            if life_type not in (_SECONDS, _KILOBYTES) or life_type in durations or not value:
                return None
            durations[life_type] = value
        elif kind in values:
            return None
        else:
            values[kind] = value
    return values, _Lifetimes(durations.get(_SECONDS, DEFAULT_LIFETIME_SECONDS), durations.get(_KILOBYTES))


_KNOWN: Final = frozenset(AttributeType)
