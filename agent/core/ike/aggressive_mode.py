"""Aggressive mode with a pre-shared key (RFC 2409 sec. 5.4, RFC 3947 sec. 3.2), three messages:

    initiator                                responder
    HDR, SA, KE, Ni, IDii               -->                                               message 1
                                        <--  HDR, SA, KE, Nr, IDir [, NAT-D, ..], HASH_R  message 2
    HDR*, HASH_I [, NAT-D, ..] [, N]    -->                                               message 3

The identities go in the clear, and whoever has seen message 2 can try keys against HASH_R: that is the price of three
messages. The group cannot be negotiated, for message 1 has a public value in it already. Each end asks again until it
is answered, since the initiator is done when it sends message 3. A peer may send message 3 in the clear.
"""

from collections.abc import Callable
from enum import Enum
from itertools import product
from types import MappingProxyType
from typing import Final

from agent.core.config import ExchangeMode, IkePolicy, IkeProposal, IkeSettings
from agent.core.enumeration import Enumeration
from agent.core.events import DropReason
from agent.core.ike.exchange import Discarded, Reply, Step, Table, failing
from agent.core.ike.exponents import Exponents
from agent.core.ike.message import CookiePair, Message
from agent.core.ike.natt import Path
from agent.core.ike.numbers import ExchangeType
from agent.core.ike.payloads import Hash, Identification, KeyExchange, Nonce, Notification, Payload
from agent.core.ike.phase1 import ENDINGS, Draw, Input, Phase1, Phase1Initiator, Role
from agent.core.ike.security_association import SecurityAssociation


class InitiatorState(Enumeration):
    """What the initiator waits for."""

    START = "start"
    AWAITING_MESSAGE_2 = "awaiting message 2"
    ESTABLISHED = "established"
    FAILED = "failed"


class ResponderState(Enumeration):
    """What the responder waits for."""

    AWAITING_MESSAGE_1 = "awaiting message 1"
    AWAITING_POLICY = "awaiting the policy manager"
    AWAITING_MESSAGE_3 = "awaiting message 3"
    ESTABLISHED = "established"
    FAILED = "failed"


class AggressiveMode(Phase1):
    """What both roles share."""

    __slots__ = ()

    mode = ExchangeMode.AGGRESSIVE
    exchange_type = ExchangeType.AGGRESSIVE

    @property
    def retransmits(self) -> bool:
        """Whether this end has an answer to wait for."""
        return not self.is_established

    @property
    def answers_duplicates(self) -> bool:
        """Either end does: message 2 answers message 1, and message 3 answers message 2 and nothing else."""
        return True

    def classify(self, message: Message) -> Input | None:
        """Return whether this is one of the first two messages or the third."""
        if message.has(SecurityAssociation):
            return None if message.header.is_encrypted else Input.SA
        return Input.HASH if message.has(Hash) else None

    def _expect_each(self, message: Message, *needed: type[Payload]) -> None:
        """Find out what is missing before anything is done that cannot be done twice. Raises MalformedMessage."""
        for each in needed:
            message.only(each)


class AggressiveModeInitiator(AggressiveMode, Phase1Initiator):
    """The end that sends messages 1 and 3."""

    __slots__ = ("_identity", "_offered")

    def __init__(
        self,
        *,
        cookies: CookiePair,
        settings: IkeSettings,
        draw: Draw,
        exponents: Exponents,
        policy: IkePolicy,
        has_other_sa: Callable[[], bool],
    ) -> None:
        super().__init__(
            INITIATOR,
            InitiatorState.START,
            cookies=cookies,
            settings=settings,
            draw=draw,
            exponents=exponents,
            policy=policy,
            has_other_sa=has_other_sa,
        )
        self._identity: Identification | None = None
        self._offered: tuple[IkeProposal, ...] = ()

    @property
    def is_established(self) -> bool:
        """Whether message 2 has been verified."""
        return self.state is InitiatorState.ESTABLISHED

    def on_initiate(self, path: Path) -> Reply:
        """Make message 1, with the proposals of one group: that of the most wanted."""
        first, *others = self._agreed_policy.proposals
        self._offered = (first, *(each for each in others if each.dh_group is first.dh_group))
        exchange = self._draw_key_exchange(first.dh_group)
        self._identity = self._own_identity(path)
        return Reply((self._offer(self._offered), *exchange, self._identity, *self._vendor_ids()))

    def on_message_2(self, message: Message, path: Path) -> Reply:
        """Take the responder's choice and its cookie, authenticate it, and make message 3."""
        self._expect_each(message, SecurityAssociation, KeyExchange, Nonce, Hash)
        identity = message.only(Identification)
        self._take_choice(message, self._offered)
        self._derive_keys(message)
        self._detect_nat(message, path)
        self._verify(identity, message, path)
        assert self._identity is not None, "message 2 before message 1"
        # The hashes are of the ports that the message with them goes by.
        nat_d = self._nat_payloads(self.floated(path) if self.nat.is_detected else path)
        return Reply((self._own_hash(self._identity), *nat_d, *self._initial_contact()), is_encrypted=True)


class AggressiveModeResponder(AggressiveMode):
    """The end that sends message 2."""

    __slots__ = ("_first", "_first_path")

    role = Role.RESPONDER

    def __init__(self, *, cookies: CookiePair, settings: IkeSettings, draw: Draw, exponents: Exponents) -> None:
        super().__init__(
            RESPONDER,
            ResponderState.AWAITING_MESSAGE_1,
            cookies=cookies,
            settings=settings,
            draw=draw,
            exponents=exponents,
        )
        self._first: Message | None = None
        self._first_path: Path | None = None

    @property
    def is_established(self) -> bool:
        """Whether message 3 has been verified."""
        return self.state is ResponderState.ESTABLISHED

    @property
    def may_be_established_remotely(self) -> bool:
        """Whether message 2 is out: the initiator is done when it has verified it."""
        return self.state is ResponderState.AWAITING_MESSAGE_3

    @property
    def is_trusted_remotely(self) -> bool:
        """Whether message 2 is out: only an initiator that found our HASH_R right sends message 3."""
        return self.state is ResponderState.AWAITING_MESSAGE_3

    @property
    def notices(self) -> tuple[Notification, ...]:
        """The lifetime that was agreed on, where the initiator cannot know it: message 2 was in the clear."""
        return self._lifetime_notice()

    def on_message_1(self, message: Message, path: Path) -> None:
        """Keep message 1 until there is a policy to judge it by."""
        self._sa_body = message.only(SecurityAssociation).encode()
        self._expect_each(message, KeyExchange, Nonce, Identification)
        self._note_vendor_ids(message)
        self._first, self._first_path = message, path

    def on_policy(self, policy: IkePolicy) -> Reply:
        """Choose from the offer, derive the keys, and make message 2."""
        first, path = self._received
        answer = self._choose(first.only(SecurityAssociation), policy)
        exchange = self._draw_key_exchange(self._agreed.dh_group)
        self._derive_keys(first)
        identity = self._own_identity(path)
        nat_d = self._nat_payloads(path)
        return Reply(
            (answer, *exchange, identity, *self._vendor_ids(), *nat_d, self._own_hash(identity)),
        )

    def on_message_3(self, message: Message, path: Path) -> None:
        """Authenticate the initiator. A wrong HASH_I is not from it, since it has taken our HASH_R."""
        first, _ = self._received
        identity = first.only(Identification)
        if not self._is_proven(identity, message):
            raise Discarded(DropReason.AUTHENTICATION_FAILED)
        self._detect_nat(message, path)
        self._accept(identity, path)
        self._note_initial_contact(message)

    @property
    def _received(self) -> tuple[Message, Path]:
        assert self._first is not None, "a step before message 1"
        assert self._first_path is not None
        return self._first, self._first_path


INITIATOR: Final[Table] = MappingProxyType(
    {
        (InitiatorState.START, Input.INITIATE): Step(
            AggressiveModeInitiator.on_initiate, InitiatorState.AWAITING_MESSAGE_2
        ),
        (InitiatorState.AWAITING_MESSAGE_2, Input.SA): Step(
            AggressiveModeInitiator.on_message_2, InitiatorState.ESTABLISHED
        ),
        **failing((InitiatorState.AWAITING_MESSAGE_2,), ENDINGS, InitiatorState.FAILED),
    }
)

RESPONDER: Final[Table] = MappingProxyType(
    {
        (ResponderState.AWAITING_MESSAGE_1, Input.SA): Step(
            AggressiveModeResponder.on_message_1, ResponderState.AWAITING_POLICY
        ),
        (ResponderState.AWAITING_POLICY, Input.POLICY_FOUND): Step(
            AggressiveModeResponder.on_policy, ResponderState.AWAITING_MESSAGE_3
        ),
        (ResponderState.AWAITING_MESSAGE_3, Input.HASH): Step(
            AggressiveModeResponder.on_message_3, ResponderState.ESTABLISHED
        ),
        **failing((ResponderState.AWAITING_POLICY, ResponderState.AWAITING_MESSAGE_3), ENDINGS, ResponderState.FAILED),
    }
)

_MAIN_MODE_MESSAGES: Final = (Input.KE, Input.ID)

REJECTED: Final[frozenset[tuple[Enum, Enum]]] = frozenset(
    {
        *product((*InitiatorState, *ResponderState), _MAIN_MODE_MESSAGES),
        *product((InitiatorState.START,), (Input.SA, Input.HASH, Input.POLICY_FOUND, *ENDINGS)),
        *product((InitiatorState.AWAITING_MESSAGE_2,), (Input.INITIATE, Input.HASH, Input.POLICY_FOUND)),
        *product((InitiatorState.ESTABLISHED, InitiatorState.FAILED), Input),
        *product((ResponderState.AWAITING_MESSAGE_1,), (Input.INITIATE, Input.HASH, Input.POLICY_FOUND, *ENDINGS)),
        *product((ResponderState.AWAITING_POLICY,), (Input.INITIATE, Input.SA, Input.HASH)),
        *product((ResponderState.AWAITING_MESSAGE_3,), (Input.INITIATE, Input.SA, Input.POLICY_FOUND)),
        *product((ResponderState.ESTABLISHED, ResponderState.FAILED), Input),
    }
)
"""Every pair that no table has, written out: an input that is new must be put somewhere."""
