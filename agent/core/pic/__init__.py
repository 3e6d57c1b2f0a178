"""Encryption services PICs."""
