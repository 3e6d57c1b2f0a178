"""ipsec-agent: a NETCONF/YANG device agent for an emulated IPsec gateway."""

from typing import Final

__all__ = ["__version__"]

__version__: Final = "0.1.0"
