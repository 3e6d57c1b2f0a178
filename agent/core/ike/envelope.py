"""What stands around payloads on the wire: the header, and encryption with its chain of vectors (RFC 2409 App. B).

Every encrypted phase 1 message starts from the last block of the one before it, in either direction; every later
exchange from a hash of the last phase 1 block and its message id, and where it has more than one message it goes on
like phase 1. A received message moves the chain only when `accept` says so, after its exchange took it.

The contexts of the cipher are kept from message to message, but not while nothing is being negotiated.
"""

from agent.core.crypto.ciphers import BLOCK_OCTETS, BlockCipher
from agent.core.identifiers import MessageId
from agent.core.ike.exchange import Reply
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.keymat import Phase1Keys
from agent.core.ike.message import ENCRYPTION_FLAG, HEADER_OCTETS, PHASE_1, CookiePair, Header, Message, encode
from agent.core.ike.numbers import ExchangeType, NotifyType
from agent.core.ike.payloads import decode_chain, encode_payloads, first_type


class Envelope:
    """Puts payloads into datagrams of one IKE SA, and takes them out."""

    __slots__ = ("_chains", "_cipher", "_last_block", "cookies", "keys")

    def __init__(self, cookies: CookiePair) -> None:
        self.cookies = cookies
        self.keys: Phase1Keys | None = None
        self._cipher: BlockCipher | None = None
        self._last_block = b""
        self._chains: dict[MessageId, bytes] = {}

    def take_keys(self, keys: Phase1Keys) -> None:
        """Encrypt and decrypt with these keys from now on."""
        self.keys = keys
        self._last_block = keys.iv

    def begin(self, message_id: MessageId) -> None:
        """Chain the messages of an exchange from now on."""
        self._chains[message_id] = self._iv(message_id)

    def end(self, message_id: MessageId) -> None:
        """Forget the chain of an exchange that is over."""
        self._chains.pop(message_id, None)
        self.rest()

    def rest(self) -> None:
        """Keep no more than a mature IKE SA needs, if no exchange is under way: there are many of them."""
        if not self._chains:
            self._chains = {}  # A dict that has been emptied keeps its table.
            self._cipher = None

    def seal(self, exchange: ExchangeType, message_id: MessageId, reply: Reply) -> bytes:
        """Return the datagram of a message."""
        body = reply.body or encode_payloads(reply.payloads)
        flags = 0
        if reply.is_encrypted:
            body = self._contexts(message_id).encrypt(self._iv(message_id), padded(body))
            flags = ENCRYPTION_FLAG
            self._move(message_id, body)
        return encode(self.cookies, first_type(reply.payloads), exchange, flags, message_id, body)

    def open(self, header: Header, datagram: bytes) -> Message:
        """Return the message of a datagram. Raises MalformedMessage, also when a wrong key has left no sense in it."""
        if not header.is_encrypted:
            return Message.decode_payloads(header, datagram)
        ciphertext = datagram[HEADER_OCTETS:]
        if not ciphertext or len(ciphertext) % BLOCK_OCTETS:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, "a ciphertext that is not whole blocks")
        message_id = header.message_id
        plaintext = self._contexts(message_id).decrypt(self._iv(message_id), ciphertext)
        return Message(header, *decode_chain(header.first_payload, plaintext, is_padded=True))

    def accept(self, header: Header, datagram: bytes) -> None:
        """Move the chain on by a message that was received and taken."""
        if header.is_encrypted:
            self._move(header.message_id, datagram)

    @property
    def established_keys(self) -> Phase1Keys:
        """The keys, which must be there by now."""
        assert self.keys is not None, "encryption before there are keys"
        return self.keys

    def _contexts(self, message_id: MessageId) -> BlockCipher:
        """Return the cipher: kept while messages follow one another, made anew for one that stands alone."""
        if self._cipher is not None:
            return self._cipher
        cipher = self.established_keys.cipher()
        if message_id == PHASE_1 or message_id in self._chains:
            self._cipher = cipher
        return cipher

    def _iv(self, message_id: MessageId) -> bytes:
        if message_id == PHASE_1:
            return self._last_block
        return self._chains.get(message_id) or self.established_keys.exchange_iv(self._last_block, message_id)

    def _move(self, message_id: MessageId, ciphertext: bytes) -> None:
        if message_id == PHASE_1:
            self._last_block = ciphertext[-BLOCK_OCTETS:]
        elif message_id in self._chains:
            self._chains[message_id] = ciphertext[-BLOCK_OCTETS:]


def padded(body: bytes) -> bytes:
    """Return payloads with zeros behind them that fill the last block, or one more where it is full."""
    return body + bytes(BLOCK_OCTETS - len(body) % BLOCK_OCTETS)
