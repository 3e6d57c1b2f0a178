"""netconf-client over TLS, ended in an order that leaves nobody behind.

Its own end closes the socket while its reader still waits on it. What the reader then hears of the server's end makes
it read once more, by the number of the socket: by then that may be another connection, whose handshake it spoils.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from netconf_client.ncclient import Manager

SECONDS_TO_END = 30


class TlsManager(Manager):  # type: ignore[misc]  # the library has no types
    """A manager whose reader has ended before its socket is closed."""

    def __exit__(self, *reason: object) -> None:
        with suppress(OSError):
            self.session.sock.shutdown(socket.SHUT_RDWR)
        self.session.thread.join(SECONDS_TO_END)
        super().__exit__(*reason)
