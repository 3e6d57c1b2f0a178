"""The emulated gateway, under its own clock; knows no YANG, no XML, no sockets and no wall time."""
