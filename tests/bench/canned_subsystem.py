"""The same as a subsystem of OpenSSH's server: what of a bulk reply is the price of SSH alone."""

from __future__ import annotations

import os
import sys

END_OF_CHUNKS = b"\n##\n"
END_OF_HELLO = b"]]>]]>"
HELLO = (
    b'<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>'
    b"<capability>urn:ietf:params:netconf:base:1.1</capability></capabilities>"
    b"<session-id>1</session-id></hello>" + END_OF_HELLO
)


def main(size: int) -> None:
    """Answer on standard output until standard input ends."""
    body = b"<rpc-reply>".ljust(size, b" ")
    reply = b"\n#%d\n%b\n##\n" % (len(body), body)
    _send(HELLO)
    waiting = b""
    while data := os.read(0, 65_536):
        waiting = (waiting + data).rpartition(END_OF_HELLO)[2]
        *requests, waiting = waiting.split(END_OF_CHUNKS)
        for _ in requests:
            _send(reply)


def _send(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    main(int(sys.argv[1]))
