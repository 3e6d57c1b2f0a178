"""Asks a host for echoes (RFC 792) at a steady pace, as a program: ADDRESS COUNT OCTETS INTERVAL-MS.

Prints a line of JSON at the end: how many were asked for, answered, answered twice. The octets are those of the whole
packet, and come back unchanged or are not counted.
"""

from __future__ import annotations

import errno
import json
import socket
import struct
import sys
import time

HEADERS = 28
REQUEST, REPLY = 8, 0
IDENTIFIER = 0x4950
OUTSTANDING = 8
"""Requests that may be without an answer at once: a machine that stands still for a while loses none."""
PATIENCE_SECONDS = 3.0
"""How long an answer may take, before it is taken for lost."""


def main(address: str, count: int, octets: int, interval: float) -> None:
    """Ask, and tell."""
    payload = bytes(at * 13 & 0xFF for at in range(octets - HEADERS))
    answered: dict[int, int] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as asking:
        asking.connect((address, 0))
        given_up = 0
        due = time.monotonic()
        for number in range(count):
            ask(asking, message(number, payload))
            due = max(due + interval, time.monotonic())
            listen(asking, due, payload, answered)
            most = OUTSTANDING if number + 1 < count else 1
            deadline = time.monotonic() + PATIENCE_SECONDS
            while (out := number + 1 - len(answered) - given_up) >= most and time.monotonic() < deadline:
                listen(asking, time.monotonic() + 0.001, payload, answered)
            given_up += out if out >= most else 0
    twice = sum(times > 1 for times in answered.values())
    print(json.dumps({"asked": count, "answered": len(answered), "twice": twice}), flush=True)


def ask(asking: socket.socket, request: bytes) -> None:
    """Send a request; once it is known that the path is too narrow for it, the kernel sends it in pieces."""
    try:
        asking.send(request)
    except OSError as error:
        require_too_long(error)
        asking.send(request)


def require_too_long(error: OSError) -> None:
    """Go on where a router has told that an earlier request was too long, and is lost."""
    if error.errno != errno.EMSGSIZE:
        raise error


def message(number: int, payload: bytes) -> bytes:
    """Return a request."""
    front = struct.pack("!BBHHH", REQUEST, 0, 0, IDENTIFIER, number)
    total = sum(struct.unpack(f"!{(len(front) + len(payload)) // 2}H", front + payload))
    total = (total & 0xFFFF) + (total >> 16)
    return front[:2] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + front[4:] + payload


def listen(asking: socket.socket, until: float, payload: bytes, answered: dict[int, int]) -> None:
    """Note the answers that come up to some time."""
    while (left := until - time.monotonic()) > 0:
        asking.settimeout(left)
        try:
            packet = asking.recv(0xFFFF)
        except TimeoutError:
            return
        except OSError as error:
            require_too_long(error)
            continue
        kind, _, _, identifier, number = struct.unpack_from("!BBHHH", packet, 20)
        if (kind, identifier) == (REPLY, IDENTIFIER) and packet[HEADERS:] == payload:
            answered[number] = answered.get(number, 0) + 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]) / 1000)
