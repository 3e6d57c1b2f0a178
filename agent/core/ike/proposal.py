"""Phase 1 proposals: the attributes of RFC 2409 App. A, what is offered, and what is chosen.

A transform is acceptable only when every attribute in it is understood: to ignore one would mean to agree to something
unknown. The chosen transform is returned as it came (RFC 2408 sec. 4.2), the attribute forms included. All of it
depends on the proposals and on octets alone, and most gateways say the same to each other: what came out is remembered.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from agent.core.config import AuthenticationMethod, DhGroup, EncryptionAlgorithm, HashAlgorithm, IkeProposal
from agent.core.ike import lifetime
from agent.core.ike.lifetime import PHASE_1_LIFE, Lifetimes
from agent.core.ike.numbers import ProtocolId
from agent.core.ike.security_association import REMEMBERED, Attribute, Proposal, SecurityAssociation, Transform


class AttributeType(IntEnum):
    """Phase 1 attributes that are understood (RFC 2409 App. A)."""

    ENCRYPTION_ALGORITHM = 1
    HASH_ALGORITHM = 2
    AUTHENTICATION_METHOD = 3
    GROUP_DESCRIPTION = 4
    LIFE_TYPE = PHASE_1_LIFE.life_type
    LIFE_DURATION = PHASE_1_LIFE.life_duration


KEY_IKE: Final = 1
"""The only transform identifier of ISAKMP (RFC 2407 sec. 4.4.2)."""

_ENCRYPTION: Final[Mapping[EncryptionAlgorithm, int]] = MappingProxyType(
    {EncryptionAlgorithm.DES_CBC: 1, EncryptionAlgorithm.TRIPLE_DES_CBC: 5}
)
_HASH: Final[Mapping[HashAlgorithm, int]] = MappingProxyType({HashAlgorithm.MD5: 1, HashAlgorithm.SHA1: 2})
_AUTHENTICATION: Final[Mapping[AuthenticationMethod, int]] = MappingProxyType({AuthenticationMethod.PRE_SHARED_KEYS: 1})
_GROUP: Final[Mapping[DhGroup, int]] = MappingProxyType({DhGroup.GROUP1: 1, DhGroup.GROUP2: 2})


@dataclass(frozen=True, slots=True)
class Choice:
    """What the responder agrees to: the proposal with the agreed lifetimes, and the SA payload that says so.

    Where `is_shortened`, a lifetime is shorter than the initiator can know from that.
    """

    proposal: IkeProposal
    answer: SecurityAssociation
    is_shortened: bool


def offer(proposals: Sequence[IkeProposal]) -> SecurityAssociation:
    """Return the SA payload that offers all of these, the most wanted first.

    RFC 2409 sec. 5 wants a single proposal with a transform for each.
    """
    return _offer(tuple(proposals))


@lru_cache(REMEMBERED)
def _offer(proposals: tuple[IkeProposal, ...]) -> SecurityAssociation:
    transforms = tuple(_transform(number, proposal) for number, proposal in enumerate(proposals, start=1))
    return SecurityAssociation.decode(SecurityAssociation((Proposal(1, ProtocolId.ISAKMP, b"", transforms),)).encode())


def choose(offered: SecurityAssociation, allowed: Sequence[IkeProposal]) -> Choice | None:
    """Return the first of the initiator's transforms that one of ours allows, or None.

    The lifetimes are the shorter ones of both ends (RFC 2407 sec. 4.5.4).
    """
    return _choose(offered.encode(), tuple(allowed))


@lru_cache(REMEMBERED)
def _choose(offered: bytes, allowed: tuple[IkeProposal, ...]) -> Choice | None:
    for proposal in SecurityAssociation.decode(offered).proposals:
        if proposal.protocol != ProtocolId.ISAKMP:
            continue
        for transform in proposal.transforms:
            found = _read(transform)
            agreed = _agree(*found, allowed) if found is not None else None
            if found is not None and agreed is not None:
                chosen = Proposal(proposal.number, proposal.protocol, proposal.spi, (transform,))
                is_shortened = found[1] != lifetimes_of(agreed)
                answer = SecurityAssociation.decode(SecurityAssociation((chosen,)).encode())
                return Choice(agreed, answer, is_shortened)
    return None


def accepted(answer: SecurityAssociation, offered: Sequence[IkeProposal]) -> IkeProposal | None:
    """Return the proposal of ours that the responder chose, or None when it is none of them (RFC 2408 sec. 4.2)."""
    return _accepted(answer.encode(), tuple(offered))


@lru_cache(REMEMBERED)
def _accepted(answer: bytes, offered: tuple[IkeProposal, ...]) -> IkeProposal | None:
    proposals = SecurityAssociation.decode(answer).proposals
    if len(proposals) != 1 or len(proposals[0].transforms) != 1:
        return None
    transform = proposals[0].transforms[0]
    found = _read(transform)
    return next((each for each in offered if (_algorithms(each), lifetimes_of(each)) == found), None)


def shortened(proposal: IkeProposal, lifetimes: Lifetimes) -> IkeProposal:
    """Return the proposal with its lifetimes, or those given where they are shorter."""
    own = lifetimes_of(proposal)
    least = own.shortened_by(lifetimes)
    if least == own:
        return proposal
    assert least.seconds is not None
    return replace(proposal, lifetime_seconds=least.seconds, lifetime_kilobytes=least.kilobytes)


def _agree(values: dict[int, int], lifetimes: Lifetimes, allowed: Iterable[IkeProposal]) -> IkeProposal | None:
    """Return the first allowed proposal that these attributes meet, with the lifetimes for it."""
    met = next((each for each in allowed if values == _algorithms(each)), None)
    return None if met is None else shortened(met, lifetimes)


def lifetimes_of(proposal: IkeProposal) -> Lifetimes:
    """Return the lifetimes of a proposal."""
    return Lifetimes(proposal.lifetime_seconds, proposal.lifetime_kilobytes)


def _algorithms(proposal: IkeProposal) -> dict[int, int]:
    """Return the proposal's attributes but for the lifetime, in the order in which they are sent."""
    return {
        AttributeType.ENCRYPTION_ALGORITHM: _ENCRYPTION[proposal.encryption_algorithm],
        AttributeType.HASH_ALGORITHM: _HASH[proposal.authentication_algorithm],
        AttributeType.GROUP_DESCRIPTION: _GROUP[proposal.dh_group],
        AttributeType.AUTHENTICATION_METHOD: _AUTHENTICATION[proposal.authentication_method],
    }


def _transform(number: int, proposal: IkeProposal) -> Transform:
    algorithms = tuple(Attribute.of(kind, value) for kind, value in _algorithms(proposal).items())
    return Transform.of(number, KEY_IKE, algorithms + lifetimes_of(proposal).attributes(PHASE_1_LIFE))


def _read(transform: Transform) -> tuple[dict[int, int], Lifetimes] | None:
    """Return the transform's attributes by type and its lifetimes, or None when they are not understood."""
    if transform.identifier != KEY_IKE:
        return None
    return lifetime.read(transform.attributes, _KNOWN, PHASE_1_LIFE)


_KNOWN: Final = frozenset(int(each) for each in AttributeType)
