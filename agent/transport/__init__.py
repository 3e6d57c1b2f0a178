"""Sockets, SSH and the wall clock: what moves bytes and time between the world outside and the sans-IO engines."""
