"""How much of certificates and revocation lists a database takes from those who import them.

What the configuration trusts is not counted against it: that is bounded as the configuration is.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CertificateLimits:
    """So many entries, and so many octets of what is imported, in the encoding in which it comes."""

    certificates: int = 1000
    certificate_octets: int = 64 * 1024
    crl_octets: int = 512 * 1024
    """Some twenty thousand revocations, which are decoded in a few tenths of a second."""


CERTIFICATE_LIMITS: Final = CertificateLimits()
