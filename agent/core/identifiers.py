"""What the core names things with: addresses, endpoints, and the identifiers of IKE and IPsec."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple, NewType

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


_REMEMBERED: Final = 4096
"""How many addresses there is one object of each: beyond that, what is remembered would weigh more than it saves."""


# Twins, one for each class of the library: what both have cannot stand in a third class that is typed and has slots.


class _KeptIPv4Address(IPv4Address):
    __slots__ = ("_hash", "packed")

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._hash = super().__hash__()
        self.packed: bytes = super().packed

    def __hash__(self) -> int:
        return self._hash


class _KeptIPv6Address(IPv6Address):
    __slots__ = ("_hash", "packed")

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._hash = super().__hash__()
        self.packed: bytes = super().packed

    def __hash__(self) -> int:
        return self._hash


def kept(address: Address) -> Address:
    """Return an equal address that is looked up and sent often: what the library computes each time, it keeps.

    It is one object mostly, however often it is configured.
    """
    return address if isinstance(address, _KeptIPv4Address | _KeptIPv6Address) else _kept(address)


@lru_cache(_REMEMBERED)
def _kept(address: Address) -> Address:
    return _KeptIPv4Address(str(address)) if address.version == 4 else _KeptIPv6Address(str(address))


class Endpoint(NamedTuple):
    """An address and a UDP port."""

    address: Address
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"
