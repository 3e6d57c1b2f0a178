"""Authentication with a pre-shared key (RFC 2409 sec. 5), the hashes of later exchanges (sec. 5.5, 5.7), identities.

Hashes cover payload bodies as they stood on the wire.
"""

from typing import Final, NamedTuple

from agent.core.config import IkePolicy
from agent.core.crypto import hashes
from agent.core.identifiers import Address, Cookie, MessageId
from agent.core.ike.keymat import Phase1Keys
from agent.core.ike.numbers import IdentityType
from agent.core.ike.payloads import Identification

_IPV4_ADDR: Final = IdentityType.IPV4_ADDR
_IPV6_ADDR: Final = IdentityType.IPV6_ADDR
_ADDRESS_TYPES: Final = frozenset({_IPV4_ADDR, _IPV6_ADDR})
_UDP: Final = 17
_IKE_PORTS: Final = frozenset({(0, 0), (_UDP, 500), (_UDP, 4500)})
"""Protocol and port of a phase 1 identity (RFC 2407 sec. 4.6.2); 4500 since RFC 3947 floats there."""


class End(NamedTuple):
    """What a hash says about one end: its public value and its cookie."""

    public_value: bytes
    cookie: Cookie


def phase1_hash(keys: Phase1Keys, prover: End, verifier: End, sa_body: bytes, identity: bytes) -> bytes:
    """Return HASH_I when the prover is the initiator, HASH_R when it is the responder.

    `sa_body` is the body of the initiator's SA payload in either, `identity` the body of the prover's identification.
    """
    ends = prover.public_value + verifier.public_value + prover.cookie + verifier.cookie
    return hashes.hmac(keys.hash_algorithm, keys.skeyid, ends + sa_body + identity)


def hash_1(keys: Phase1Keys, message_id: MessageId, payloads: bytes) -> bytes:
    """Return HASH(1) over the payloads that follow it, generic headers included."""
    return hashes.hmac(keys.hash_algorithm, keys.skeyid_a, message_id.to_bytes(4) + payloads)


def hash_2(keys: Phase1Keys, message_id: MessageId, ni: bytes, payloads: bytes) -> bytes:
    """Return HASH(2) over the initiator's nonce and the payloads that follow it, generic headers included."""
    return hash_1(keys, message_id, ni + payloads)


def hash_3(keys: Phase1Keys, message_id: MessageId, ni: bytes, nr: bytes) -> bytes:
    """Return HASH(3) over both nonces."""
    return hashes.hmac(keys.hash_algorithm, keys.skeyid_a, b"\0" + message_id.to_bytes(4) + ni + nr)


def address_identity(address: Address) -> Identification:
    """Return the identification that names an address."""
    return Identification(_type_of(address), 0, 0, address.packed)


def _type_of(address: Address) -> IdentityType:
    return _IPV4_ADDR if address.version == 4 else _IPV6_ADDR


def is_acceptable(identity: Identification, policy: IkePolicy, address: Address, *, is_behind_nat: bool) -> bool:
    """Say whether a peer at this address may go by this identity.

    An identity of the policy must be met exactly. Otherwise an address must be the peer's own, unless a NAT has
    changed it; the other types name nothing that could be compared, and the hash proves that their owner knows the
    key.
    """
    if (identity.protocol, identity.port) not in _IKE_PORTS:
        return False
    if policy.remote_identity is not None:
        return identity.encode() == policy.remote_identity
    if identity.identity_type not in _ADDRESS_TYPES or is_behind_nat:
        return True
    return identity.identity_type == _type_of(address) and identity.data == address.packed
