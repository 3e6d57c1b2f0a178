"""IKE version 1 (RFC 2407, 2408, 2409): codecs, key material, exchanges, and the engine that runs them."""
