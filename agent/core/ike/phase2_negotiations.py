"""All phase 2 negotiations under one IKE SA: which of them a message is for, and which message ids have been."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.core.config import IkeSettings
from agent.core.events import DropReason
from agent.core.identifiers import MessageId, Spi
from agent.core.ike.agreement import Terms
from agent.core.ike.envelope import Envelope
from agent.core.ike.exchange import Discarded
from agent.core.ike.message import Header
from agent.core.ike.natt import Path
from agent.core.ike.payloads import Notification
from agent.core.ike.phase1 import Draw
from agent.core.ike.phase2_negotiation import Host, Phase2Negotiation
from agent.core.ike.quick_mode import QuickModeInitiator, QuickModeResponder
from agent.core.world import World

_PAST_LIMIT: Final = 1024
"""How many message ids of the past are remembered, so that a replayed message 1 begins nothing."""


class Phase2Negotiations:
    """The negotiations under an IKE SA by their message ids."""

    __slots__ = (
        "_draw",
        "_envelope",
        "_host",
        "_is_udp_encapsulated",
        "_past",
        "_path",
        "_present",
        "_settings",
        "_world",
    )

    def __init__(
        self,
        *,
        path: Path,
        is_udp_encapsulated: bool,
        envelope: Envelope,
        world: World,
        settings: IkeSettings,
        draw: Draw,
        host: Host,
    ) -> None:
        self._path = path
        self._is_udp_encapsulated = is_udp_encapsulated
        self._envelope = envelope
        self._world = world
        self._settings = settings
        self._draw = draw
        self._host = host
        self._present: dict[MessageId, Phase2Negotiation] = {}
        self._past: list[MessageId] = []

    @property
    def all(self) -> Mapping[MessageId, Phase2Negotiation]:
        """Every negotiation, those included whose last messages may still be asked for again."""
        return MappingProxyType(self._present)

    def knows(self, message_id: MessageId) -> bool:
        """Whether a message id is in use, or was."""
        return message_id in self._present or message_id in self._past

    def initiate(self, terms: Terms, message_id: MessageId) -> Phase2Negotiation:
        """Begin a negotiation of our own."""
        exchange = QuickModeInitiator(
            terms=terms,
            keys=self._envelope.established_keys,
            message_id=message_id,
            path=self._path,
            settings=self._settings,
            draw=self._draw,
        )
        negotiation = self._add(exchange, message_id)
        negotiation.initiate()
        return negotiation

    def receive(self, header: Header, datagram: bytes) -> bool:
        """Take an encrypted message, and return whether it is new. Raises Discarded when it is dropped."""
        negotiation = self._present.get(header.message_id)
        if negotiation is not None:
            return negotiation.receive(header, datagram)
        if header.message_id in self._past:
            raise Discarded(DropReason.REPLAYED_MESSAGE)
        self._answer(header, datagram)
        return True

    def on_error(self, notification: Notification) -> None:
        """Hear that the peer refuses one of our negotiations.

        It may name the SPI that we offered; otherwise it answers the oldest message 1 that has no answer yet.
        """
        waiting = [each for each in self._present.values() if each.awaits_answer]
        named = Spi(int.from_bytes(notification.spi))
        refused = next((each for each in waiting if named in each.spis), waiting[0] if waiting else None)
        if refused is not None:
            refused.on_error(notification)

    def forget(self, negotiation: Phase2Negotiation) -> None:
        """Drop all of a negotiation but its message id."""
        negotiation.close()
        del self._present[negotiation.message_id]
        if not self._present:
            self._present = {}  # A dict that has been emptied keeps its table, and there are many IKE SAs.
        self._past.append(negotiation.message_id)
        if len(self._past) > _PAST_LIMIT:
            del self._past[0]

    def close(self) -> None:
        """Stop every timer."""
        for negotiation in self._present.values():
            negotiation.close()

    def _answer(self, header: Header, datagram: bytes) -> None:
        """Begin a negotiation as its responder; one whose message 1 is dropped leaves nothing behind."""
        exchange = QuickModeResponder(
            keys=self._envelope.established_keys,
            message_id=header.message_id,
            path=self._path,
            settings=self._settings,
            draw=self._draw,
        )
        negotiation = self._add(exchange, header.message_id)
        try:
            negotiation.receive(header, datagram)
        except Discarded:
            if negotiation.is_negotiating:
                self._present.pop(header.message_id).close()
            raise

    def _add(self, exchange: QuickModeInitiator | QuickModeResponder, message_id: MessageId) -> Phase2Negotiation:
        exchange.is_udp_encapsulated = self._is_udp_encapsulated
        negotiation = Phase2Negotiation(
            exchange,
            message_id=message_id,
            path=self._path,
            envelope=self._envelope,
            world=self._world,
            settings=self._settings,
            host=self._host,
        )
        self._present[message_id] = negotiation
        return negotiation
