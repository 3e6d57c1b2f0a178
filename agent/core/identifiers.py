"""What the core names things with: addresses, endpoints, and the identifiers of IKE and IPsec."""

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, NewType

Cookie = NewType("Cookie", bytes)
"""Eight octets that name one end of an IKE SA (RFC 2408 sec. 2.5.3)."""
IkeSaId = NewType("IkeSaId", int)
"""Number of an IKE SA within its device; never reused."""
MessageId = NewType("MessageId", int)
"""32 bits that name an exchange within an IKE SA; 0 in phase 1."""
Spi = NewType("Spi", int)
"""32 bits that name an IPsec SA at its receiver."""
EntryId = NewType("EntryId", int)
"""Number of a certificate or a revocation list in the certificate database; never reused."""

Address = IPv4Address | IPv6Address


class Endpoint(NamedTuple):
    """An address and a UDP port."""

    address: Address
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"
