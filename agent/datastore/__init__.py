"""The datastores of a NETCONF server for any YANG modules (RFC 6241, RFC 7950, RFC 8342): it knows no IPsec."""
