"""IPsec: security associations, their database, their lifetimes (RFC 2401)."""
