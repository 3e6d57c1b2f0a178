"""The NETCONF protocol, sans-IO, for any YANG modules (RFC 6241, 6242)."""
