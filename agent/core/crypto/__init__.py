"""The only door to third-party cryptography: ciphers, hashes and Diffie-Hellman over plain octets."""
