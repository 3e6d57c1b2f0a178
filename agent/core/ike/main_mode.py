"""Main mode with a pre-shared key (RFC 2409 sec. 5.4), six messages:

    initiator                          responder
    HDR, SA                       -->                     message 1
                                  <--  HDR, SA            message 2
    HDR, KE, Ni [, NAT-D, NAT-D]  -->                     message 3
                                  <--  HDR, KE, Nr [..]   message 4
    HDR*, IDii, HASH_I [, N]      -->                     message 5
                                  <--  HDR*, IDir, HASH_R message 6

The responder sends nothing of its own accord: every message of it answers one, and the initiator alone retransmits.
"""

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from itertools import product
from types import MappingProxyType
from typing import Final

from agent.core.config import ExchangeMode, IkePolicy, IkeSettings
from agent.core.enumeration import Enumeration
from agent.core.ike.exchange import Reply, Step, Table, failing
from agent.core.ike.exponents import Exponents
from agent.core.ike.message import CookiePair, Message
from agent.core.ike.natt import Path
from agent.core.ike.numbers import ExchangeType, PayloadType
from agent.core.ike.payloads import Identification, KeyExchange, Payload, RawPayload, VendorId, encode_payloads
from agent.core.ike.phase1 import ENDINGS, Draw, Input, Phase1, Phase1Initiator, Role
from agent.core.ike.security_association import REMEMBERED, SecurityAssociation


class InitiatorState(Enumeration):
    """What the initiator waits for."""

    START = "start"
    AWAITING_MESSAGE_2 = "awaiting message 2"
    AWAITING_MESSAGE_4 = "awaiting message 4"
    AWAITING_MESSAGE_6 = "awaiting message 6"
    ESTABLISHED = "established"
    FAILED = "failed"


class ResponderState(Enumeration):
    """What the responder waits for."""

    AWAITING_MESSAGE_1 = "awaiting message 1"
    AWAITING_POLICY = "awaiting the policy manager"
    AWAITING_MESSAGE_3 = "awaiting message 3"
    AWAITING_MESSAGE_5 = "awaiting message 5"
    ESTABLISHED = "established"
    FAILED = "failed"


@lru_cache(REMEMBERED)
def _offering(sa_body: bytes, vendor_ids: tuple[bytes, ...]) -> Reply:
    """Return message 1 or 2, which say the same to most peers: what they encode to is remembered."""
    offer, announced = RawPayload(PayloadType.SECURITY_ASSOCIATION, sa_body), map(VendorId, vendor_ids)
    payloads: tuple[Payload, ...] = (offer, *announced)
    return Reply(payloads, body=encode_payloads(payloads))


class MainMode(Phase1):
    """What both roles share."""

    __slots__ = ()

    mode = ExchangeMode.MAIN
    exchange_type = ExchangeType.MAIN

    def classify(self, message: Message) -> Input | None:
        """Return which of the three pairs of messages this belongs to."""
        if message.header.is_encrypted:
            return Input.ID
        if message.has(SecurityAssociation):
            return Input.SA
        return Input.KE if message.has(KeyExchange) else None


class MainModeInitiator(MainMode, Phase1Initiator):
    """The end that sends messages 1, 3 and 5."""

    __slots__ = ()

    retransmits = True
    answers_duplicates = False
    """If it did as the responder does, two ends could keep each other busy for ever."""

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

    @property
    def is_established(self) -> bool:
        """Whether message 6 has been verified."""
        return self.state is InitiatorState.ESTABLISHED

    @property
    def may_be_established_remotely(self) -> bool:
        """Whether message 5 is out: its receiver is done, whether or not we ever see message 6."""
        return self.state is InitiatorState.AWAITING_MESSAGE_6

    def on_initiate(self, path: Path) -> Reply:
        """Make message 1."""
        return _offering(self._offer(self._agreed_policy.proposals).body, self._settings.vendor_ids)

    def on_message_2(self, message: Message, path: Path) -> Reply:
        """Take the responder's choice and its cookie, and make message 3."""
        self._take_choice(message, self._agreed_policy.proposals)
        return Reply((*self._draw_key_exchange(self._agreed.dh_group), *self._nat_payloads(path)))

    def on_message_4(self, message: Message, path: Path) -> Reply:
        """Derive the keys, and make message 5."""
        self._derive_keys(message)
        self._detect_nat(message, path)
        identity = self._own_identity(path)
        return Reply((identity, self._own_hash(identity), *self._initial_contact()), is_encrypted=True)

    def on_message_6(self, message: Message, path: Path) -> None:
        """Authenticate the responder, and hear how long the IKE SA lasts for it."""
        self._verify(message.only(Identification), message, path)
        self._note_lifetime(message)


class MainModeResponder(MainMode):
    """The end that sends messages 2, 4 and 6."""

    __slots__ = ("_offered",)

    role = Role.RESPONDER
    retransmits = False
    answers_duplicates = True

    def __init__(self, *, cookies: CookiePair, settings: IkeSettings, draw: Draw, exponents: Exponents) -> None:
        super().__init__(
            RESPONDER,
            ResponderState.AWAITING_MESSAGE_1,
            cookies=cookies,
            settings=settings,
            draw=draw,
            exponents=exponents,
        )
        self._offered: SecurityAssociation | None = None

    @property
    def is_established(self) -> bool:
        """Whether message 5 has been verified."""
        return self.state is ResponderState.ESTABLISHED

    def on_message_1(self, message: Message, path: Path) -> None:
        """Keep the offer until there is a policy to judge it by."""
        self._offered = message.only(SecurityAssociation)
        self._sa_body = self._offered.encode()
        self._note_vendor_ids(message)

    def on_policy(self, policy: IkePolicy) -> Reply:
        """Choose from the offer, and make message 2."""
        assert self._offered is not None, "a policy before message 1"
        answer = self._choose(self._offered, policy)
        self._offered = None
        return _offering(answer.encode(), self._settings.vendor_ids)

    def on_message_3(self, message: Message, path: Path) -> Reply:
        """Derive the keys, and make message 4."""
        own = self._draw_key_exchange(self._agreed.dh_group)
        self._derive_keys(message)
        self._detect_nat(message, path)
        return Reply((*own, *self._nat_payloads(path)))

    def on_message_5(self, message: Message, path: Path) -> Reply:
        """Authenticate the initiator, and make message 6."""
        self._verify(message.only(Identification), message, path)
        self._note_initial_contact(message)
        identity = self._own_identity(path)
        return Reply((identity, self._own_hash(identity), *self._lifetime_notice()), is_encrypted=True)


INITIATOR: Final[Table] = MappingProxyType(
    {
        (InitiatorState.START, Input.INITIATE): Step(MainModeInitiator.on_initiate, InitiatorState.AWAITING_MESSAGE_2),
        (InitiatorState.AWAITING_MESSAGE_2, Input.SA): Step(
            MainModeInitiator.on_message_2, InitiatorState.AWAITING_MESSAGE_4
        ),
        (InitiatorState.AWAITING_MESSAGE_4, Input.KE): Step(
            MainModeInitiator.on_message_4, InitiatorState.AWAITING_MESSAGE_6
        ),
        (InitiatorState.AWAITING_MESSAGE_6, Input.ID): Step(MainModeInitiator.on_message_6, InitiatorState.ESTABLISHED),
        **failing(
            (InitiatorState.AWAITING_MESSAGE_2, InitiatorState.AWAITING_MESSAGE_4, InitiatorState.AWAITING_MESSAGE_6),
            ENDINGS,
            InitiatorState.FAILED,
        ),
    }
)

RESPONDER: Final[Table] = MappingProxyType(
    {
        (ResponderState.AWAITING_MESSAGE_1, Input.SA): Step(
            MainModeResponder.on_message_1, ResponderState.AWAITING_POLICY
        ),
        (ResponderState.AWAITING_POLICY, Input.POLICY_FOUND): Step(
            MainModeResponder.on_policy, ResponderState.AWAITING_MESSAGE_3
        ),
        (ResponderState.AWAITING_MESSAGE_3, Input.KE): Step(
            MainModeResponder.on_message_3, ResponderState.AWAITING_MESSAGE_5
        ),
        (ResponderState.AWAITING_MESSAGE_5, Input.ID): Step(MainModeResponder.on_message_5, ResponderState.ESTABLISHED),
        **failing(
            (ResponderState.AWAITING_POLICY, ResponderState.AWAITING_MESSAGE_3, ResponderState.AWAITING_MESSAGE_5),
            ENDINGS,
            ResponderState.FAILED,
        ),
    }
)

_MESSAGES: Final = (Input.SA, Input.KE, Input.ID, Input.HASH)

REJECTED: Final[frozenset[tuple[Enum, Enum]]] = frozenset(
    {
        *product((InitiatorState.START,), (*_MESSAGES, Input.POLICY_FOUND, *ENDINGS)),
        *product(
            (InitiatorState.AWAITING_MESSAGE_2,), (Input.INITIATE, Input.KE, Input.ID, Input.HASH, Input.POLICY_FOUND)
        ),
        *product(
            (InitiatorState.AWAITING_MESSAGE_4,), (Input.INITIATE, Input.SA, Input.ID, Input.HASH, Input.POLICY_FOUND)
        ),
        *product(
            (InitiatorState.AWAITING_MESSAGE_6,), (Input.INITIATE, Input.SA, Input.KE, Input.HASH, Input.POLICY_FOUND)
        ),
        *product((InitiatorState.ESTABLISHED, InitiatorState.FAILED), Input),
        *product(
            (ResponderState.AWAITING_MESSAGE_1,),
            (Input.INITIATE, Input.KE, Input.ID, Input.HASH, Input.POLICY_FOUND, *ENDINGS),
        ),
        *product((ResponderState.AWAITING_POLICY,), (Input.INITIATE, *_MESSAGES)),
        *product(
            (ResponderState.AWAITING_MESSAGE_3,), (Input.INITIATE, Input.SA, Input.ID, Input.HASH, Input.POLICY_FOUND)
        ),
        *product(
            (ResponderState.AWAITING_MESSAGE_5,), (Input.INITIATE, Input.SA, Input.KE, Input.HASH, Input.POLICY_FOUND)
        ),
        *product((ResponderState.ESTABLISHED, ResponderState.FAILED), Input),
    }
)
"""Every pair that no table has, written out: an input that is new must be put somewhere."""
