"""Why a negotiation ends: what the peer is told of it, and what the peer tells us (RFC 2408 sec. 3.14.1)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.core.events import DropReason, FailureReason
from agent.core.ike.numbers import NotifyType


class NegotiationRefused(Exception):
    """A message that ends its negotiation.

    `notify` is what the peer is told, `drop` how the message is counted when it was the message that was wrong.
    """

    def __init__(self, failure: FailureReason, notify: NotifyType, drop: DropReason | None = None) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.notify = notify
        self.drop = drop


def no_proposal_chosen() -> NegotiationRefused:
    """Return the refusal of an offer, or of an answer to our offer."""
    return NegotiationRefused(FailureReason.NO_PROPOSAL_CHOSEN, NotifyType.NO_PROPOSAL_CHOSEN)


def wrong_exchange() -> NegotiationRefused:
    """Return the refusal of a peer that should have begun with another exchange (RFC 2408 sec. 5.2)."""
    return NegotiationRefused(
        FailureReason.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_EXCHANGE_TYPE, DropReason.UNSUPPORTED_EXCHANGE
    )


def nat_with_ah() -> NegotiationRefused:
    """Return the refusal of what no translator lets through: AH authenticates the addresses that it changes."""
    return NegotiationRefused(FailureReason.NAT_WITH_AH, NotifyType.NO_PROPOSAL_CHOSEN)


def invalid_key() -> NegotiationRefused:
    """Return the refusal of a public value that no honest peer sends."""
    return NegotiationRefused(FailureReason.INVALID_KEY, NotifyType.INVALID_KEY_INFORMATION, DropReason.INVALID_KEY)


def invalid_identity() -> NegotiationRefused:
    """Return the refusal of a peer that proved to be somebody else."""
    return NegotiationRefused(
        FailureReason.INVALID_IDENTITY, NotifyType.INVALID_ID_INFORMATION, DropReason.AUTHENTICATION_FAILED
    )


def authentication_failed(drop: DropReason) -> NegotiationRefused:
    """Return the refusal of a peer that could not prove that it has our key."""
    return NegotiationRefused(FailureReason.AUTHENTICATION_FAILED, NotifyType.AUTHENTICATION_FAILED, drop)


def malformed_message(notify: NotifyType) -> NegotiationRefused:
    """Return the refusal of a message that is the peer's, and makes no sense."""
    return NegotiationRefused(FailureReason.MALFORMED_MESSAGE, notify, DropReason.MALFORMED_MESSAGE)


_BY_NOTIFY: Final[Mapping[int, FailureReason]] = MappingProxyType(
    {
        NotifyType.INVALID_EXCHANGE_TYPE: FailureReason.NO_PROPOSAL_CHOSEN,
        NotifyType.UNSUPPORTED_EXCHANGE_TYPE: FailureReason.NO_PROPOSAL_CHOSEN,
        NotifyType.ATTRIBUTES_NOT_SUPPORTED: FailureReason.NO_PROPOSAL_CHOSEN,
        NotifyType.NO_PROPOSAL_CHOSEN: FailureReason.NO_PROPOSAL_CHOSEN,
        NotifyType.BAD_PROPOSAL_SYNTAX: FailureReason.NO_PROPOSAL_CHOSEN,
        NotifyType.INVALID_KEY_INFORMATION: FailureReason.INVALID_KEY,
        NotifyType.INVALID_ID_INFORMATION: FailureReason.INVALID_IDENTITY,
        NotifyType.INVALID_HASH_INFORMATION: FailureReason.AUTHENTICATION_FAILED,
        NotifyType.AUTHENTICATION_FAILED: FailureReason.AUTHENTICATION_FAILED,
    }
)
"""How a negotiation failed that the peer ended with an error; with any other error it could not take our message."""


def failure_of(notify: int) -> FailureReason:
    """Return why a negotiation failed that the peer ended with this error."""
    return _BY_NOTIFY.get(notify, FailureReason.MALFORMED_MESSAGE)
