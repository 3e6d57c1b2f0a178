"""IP as a gateway handles it: headers, fragments, errors (RFC 791, 8200). A packet is the octets of one, whole."""
