"""Key material of phase 2 (RFC 2409 sec. 5.5): KEYMAT of each protocol in each direction.

    KEYMAT = K1 | K2 | K3 | ..
    K1 = prf(SKEYID_d, [ g(qm)^xy | ] protocol | SPI | Ni_b | Nr_b)
    K2 = prf(SKEYID_d, K1 | [ g(qm)^xy | ] protocol | SPI | Ni_b | Nr_b)

The SPI is that of the receiver. The key for encryption comes first, the key for authentication follows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from agent.core.config import (
    AUTHENTICATION_KEY_OCTETS,
    ENCRYPTION_KEY_OCTETS,
    EncryptionAlgorithm,
    IpsecAuthentication,
    IpsecProposal,
    IpsecProtocol,
)
from agent.core.identifiers import Spi
from agent.core.ike.agreement import Material, ProtocolKeys
from agent.core.ike.numbers import ProtocolId


@dataclass(frozen=True, slots=True)
class Phase2Seed:
    """What the keys are derived from, beside protocol and SPI: `prf` with SKEYID_d, and a secret, empty without PFS."""

    prf: Callable[[bytes], bytes]
    secret: bytes = field(repr=False)
    ni: bytes
    nr: bytes

    def keymat(self, protocol: ProtocolId, spi: Spi, octets: int) -> bytes:
        """Return so many octets of KEYMAT."""
        prf = self.prf
        seed = self.secret + bytes([protocol]) + spi.to_bytes(4) + self.ni + self.nr
        block = material = prf(seed)
        while len(material) < octets:
            block = prf(block + seed)
            material += block
        return material[:octets]


class Protection(NamedTuple):
    """What one protocol does to packets."""

    protocol: ProtocolId
    encryption: EncryptionAlgorithm | None
    authentication: IpsecAuthentication | None


def protections(proposal: IpsecProposal) -> tuple[Protection, ...]:
    """Return the protocols of a proposal, AH first: in a bundle AH authenticates and ESP encrypts."""
    encryption, authentication = proposal.encryption_algorithm, proposal.authentication_algorithm
    if proposal.protocol is IpsecProtocol.ESP:
        return (Protection(ProtocolId.ESP, encryption, authentication),)
    ah = Protection(ProtocolId.AH, None, authentication)
    return (ah,) if proposal.protocol is IpsecProtocol.AH else (ah, Protection(ProtocolId.ESP, encryption, None))


def material(proposal: IpsecProposal, spis: dict[ProtocolId, Spi], seed: Phase2Seed) -> Material:
    """Return the keys of the direction whose receiver chose these SPIs."""
    esp = ah = None
    for each in protections(proposal):
        keys = _keys(each, spis[each.protocol], seed)
        if each.protocol is ProtocolId.ESP:
            esp = keys
        else:
            ah = keys
    return Material(esp, ah)


def _keys(protection: Protection, spi: Spi, seed: Phase2Seed) -> ProtocolKeys:
    encryption, authentication = protection.encryption, protection.authentication
    first = ENCRYPTION_KEY_OCTETS[encryption] if encryption is not None else 0
    second = AUTHENTICATION_KEY_OCTETS[authentication] if authentication is not None else 0
    keymat = seed.keymat(protection.protocol, spi, first + second)
    return ProtocolKeys(spi, keymat[:first], keymat[first:])
