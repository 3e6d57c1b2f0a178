"""Phase 1 proposals: the attributes of RFC 2409 App. A, what is offered, and what is chosen.

A transform is acceptable only when every attribute in it is understood: to ignore one would mean to agree to something
unknown. The chosen transform is returned as it came (RFC 2408 sec. 4.2), the attribute forms included.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from agent.core.config import AuthenticationMethod, DhGroup, EncryptionAlgorithm, HashAlgorithm, IkeProposal
from agent.core.ike.numbers import ProtocolId
from agent.core.ike.security_association import Attribute, Proposal, SecurityAssociation, Transform


class AttributeType(IntEnum):
    """Phase 1 attributes that are understood (RFC 2409 App. A)."""

    ENCRYPTION_ALGORITHM = 1
    HASH_ALGORITHM = 2
    AUTHENTICATION_METHOD = 3
    GROUP_DESCRIPTION = 4
    LIFE_TYPE = 11
    LIFE_DURATION = 12


KEY_IKE: Final = 1
"""The only transform identifier of ISAKMP (RFC 2407 sec. 4.4.2)."""

_LIFE_IN_SECONDS: Final = 1
_LONGEST_NUMBER: Final = 4

_ENCRYPTION: Final[Mapping[EncryptionAlgorithm, int]] = MappingProxyType(
    {EncryptionAlgorithm.DES_CBC: 1, EncryptionAlgorithm.TRIPLE_DES_CBC: 5}
)
_HASH: Final[Mapping[HashAlgorithm, int]] = MappingProxyType({HashAlgorithm.MD5: 1, HashAlgorithm.SHA1: 2})
_AUTHENTICATION: Final[Mapping[AuthenticationMethod, int]] = MappingProxyType({AuthenticationMethod.PRE_SHARED_KEYS: 1})
_GROUP: Final[Mapping[DhGroup, int]] = MappingProxyType({DhGroup.GROUP1: 1, DhGroup.GROUP2: 2})


@dataclass(frozen=True, slots=True)
class Choice:
    """What the responder agrees to: the proposal with the offered lifetime, and the SA payload that says so."""

    proposal: IkeProposal
    answer: SecurityAssociation


def offer(proposals: Sequence[IkeProposal]) -> SecurityAssociation:
    """Return the SA payload that offers all of these, the most wanted first.

    RFC 2409 sec. 5 wants a single proposal with a transform for each.
    """
    transforms = tuple(
        Transform(number, KEY_IKE, tuple(_attributes(proposal))) for number, proposal in enumerate(proposals, start=1)
    )
    return SecurityAssociation((Proposal(1, ProtocolId.ISAKMP, b"", transforms),))


def choose(offered: SecurityAssociation, allowed: Sequence[IkeProposal]) -> Choice | None:
    """Return the first of the initiator's transforms that one of ours allows, or None.

    The lifetime is the initiator's as long as it is within ours; an initiator that names none gets ours.
    """
    for proposal in offered.proposals:
        if proposal.protocol != ProtocolId.ISAKMP:
            continue
        for transform in proposal.transforms:
            agreed = _agree(transform, allowed)
            if agreed is not None:
                chosen = Proposal(proposal.number, proposal.protocol, proposal.spi, (transform,))
                return Choice(agreed, SecurityAssociation((chosen,)))
    return None


def accepted(answer: SecurityAssociation, offered: Sequence[IkeProposal]) -> IkeProposal | None:
    """Return the proposal of ours that the responder chose, or None when the answer is none of them (RFC 2408 sec.

    4.2).
    """
    if len(answer.proposals) != 1 or len(answer.proposals[0].transforms) != 1:
        return None
    transform = answer.proposals[0].transforms[0]
    return next((each for each in offered if _agree(transform, (each,)) == each), None)


def _agree(transform: Transform, allowed: Iterable[IkeProposal]) -> IkeProposal | None:
    """Return the first allowed proposal that the transform meets, with the transform's lifetime."""
    values = _values(transform)
    if values is None:
        return None
    lifetime = values.pop(AttributeType.LIFE_DURATION, None)
    for proposal in allowed:
        if values == _algorithms(proposal) and (lifetime is None or 0 < lifetime <= proposal.lifetime_seconds):
            if lifetime is None or lifetime == proposal.lifetime_seconds:
                return proposal
            return replace(proposal, lifetime_seconds=lifetime)
    return None


def _algorithms(proposal: IkeProposal) -> dict[int, int]:
    """Return the proposal's attributes but for the lifetime, in the order in which they are sent."""
    return {
        AttributeType.ENCRYPTION_ALGORITHM: _ENCRYPTION[proposal.encryption_algorithm],
        AttributeType.HASH_ALGORITHM: _HASH[proposal.authentication_algorithm],
        AttributeType.GROUP_DESCRIPTION: _GROUP[proposal.dh_group],
        AttributeType.AUTHENTICATION_METHOD: _AUTHENTICATION[proposal.authentication_method],
    }


def _attributes(proposal: IkeProposal) -> Iterator[Attribute]:
    for kind, value in _algorithms(proposal).items():
        yield Attribute.of(kind, value)
    yield Attribute.of(AttributeType.LIFE_TYPE, _LIFE_IN_SECONDS)
    yield Attribute.of(AttributeType.LIFE_DURATION, proposal.lifetime_seconds)


def _values(transform: Transform) -> dict[int, int] | None:
    """Return the transform's attributes by type, or None when one is unknown, given twice or not a number we can use.

    The life type has no entry: seconds are the only one understood, and it must stand in front of its duration.
    """
    if transform.identifier != KEY_IKE:
        return None
    values: dict[int, int] = {}
    for attribute in transform.attributes:
        kind, value = attribute.kind, attribute.value
        if kind not in _KNOWN or kind in values or len(value) > _LONGEST_NUMBER:
            return None
        values[kind] = attribute.number
    life_type = values.pop(AttributeType.LIFE_TYPE, None)
    has_duration = AttributeType.LIFE_DURATION in values
    if has_duration != (life_type is not None) or life_type not in (None, _LIFE_IN_SECONDS):
        return None
    return values


_KNOWN: Final = frozenset(AttributeType)
