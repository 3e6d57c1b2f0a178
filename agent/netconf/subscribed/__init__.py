"""Dynamic subscriptions over NETCONF: to event streams (RFC 8639, RFC 8640) and to datastores (RFC 8641)."""
