"""Our engine in the place of one end of a recording."""

from agent.core.identifiers import Spi
from agent.core.ike.engine import IkeEngine
from agent.core.ike.message import Header
from agent.core.ike.numbers import ExchangeType, NotifyType, ProtocolId
from agent.core.ike.payloads import Delete, Notification
from agent.core.ike.sa import IkeSa
from agent.core.world import SECOND, World
from tests.support.gateways import Datagram, Policies
from tests.support.vectors import RecordedEntropy, RecordedMessage, Recording, Side


class Stand:
    """An engine, and what it sent that has not been compared yet."""

    def __init__(self, each: Recording, side: Side, entropy: RecordedEntropy) -> None:
        self.recording = each
        self.side = side
        self.entropy = entropy
        self.world = World(now=0, seed=0, entropy=entropy)
        # The recorded ends say that it is their first contact in Main mode alone.
        self.policies = Policies(has_pairs=each.mode == "aggressive")
        self.sent: list[Datagram] = []
        self.policy = each.policy(side)
        self.policies.by_address[self.policy.peer_address] = self.policy
        self.engine = IkeEngine(
            world=self.world,
            name=side,
            settings=each.settings(side),
            policies=self.policies,
            send=lambda source, destination, payload: self.sent.append(Datagram(source, destination, payload)),
            bus=self.world.bus,
            cookies=each.cookies(side),
        )

    def play(self) -> IkeSa:
        """Play phase 1 and return the IKE SA."""
        messages = self.recording.phase1(self.side)
        if self.side == "initiator":
            self.engine.initiate(messages[0].source, self.policy)
        for message in messages:
            self._exchange(message)
        assert self.sent == []
        (sa,) = self.engine.sas.values()
        return sa

    def play_on(self, sa: IkeSa) -> None:
        """Play what is behind phase 1, doing whatever the recorded end did of its own accord."""
        begun: set[int] = set()
        for message in self.recording.later(self.side):
            header = Header.decode(message.datagram)
            if message.sender == self.side and header.message_id not in begun:
                self._begin(sa, message, header)
            begun.add(header.message_id)
            self._exchange(message)
        assert self.sent == []

    def _exchange(self, message: RecordedMessage) -> None:
        """Compare our message with the recorded one, or hand over the other end's."""
        if message.sender == self.side:
            recorded = Datagram(message.source, message.destination, message.datagram)
            assert self.sent.pop(0) == recorded, f"message {message.number}"
        else:
            self.engine.receive(message.source, message.destination, message.datagram)

    def _begin(self, sa: IkeSa, message: RecordedMessage, header: Header) -> None:
        """Make the engine send the first message of an exchange, unless it has by itself."""
        if header.exchange_type == ExchangeType.QUICK_MODE:
            quick_modes = {each.message_id: each for each in self.recording.quick_modes()}
            sa.negotiate(quick_modes[header.message_id.to_bytes(4)].terms(self.side))
        for body in self.recording.bodies(message, "N"):
            if Notification.decode(body).notify == NotifyType.R_U_THERE:
                self._be_silent()
        for body in self.recording.bodies(message, "D"):
            delete = Delete.decode(body)
            if delete.protocol == ProtocolId.ISAKMP:
                sa.send_delete()
            else:
                sa.send_ipsec_delete({ProtocolId(delete.protocol): Spi(int.from_bytes(delete.spis[0]))})

    def _be_silent(self) -> None:
        """Let as much time pass without a sign of life as makes the engine ask for one."""
        assert self.policy.dead_peer_detection is not None
        self.world.advance(self.world.now + self.policy.dead_peer_detection.interval_seconds * SECOND)
