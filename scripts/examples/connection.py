"""How the examples connect: ncclient over SSH, with the users of the shipped scenarios unless told otherwise."""

from __future__ import annotations

import argparse
import sys

from ncclient import manager
from ncclient.transport.errors import SSHError


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every example has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8830, help="default: %(default)s")
    parser.add_argument("--user", default="admin", help="default: %(default)s")
    parser.add_argument("--password", default="admin", help="default: that of the shipped scenarios")
    return parser


def connect(options: argparse.Namespace) -> manager.Manager:
    """Open a NETCONF session. The host key is not checked: the examples are for an emulated device on this machine."""
    try:
        return manager.connect(
            host=options.host,
            port=options.port,
            username=options.user,
            password=options.password,
            hostkey_verify=False,
            look_for_keys=False,
            allow_agent=False,
        )
    except SSHError as error:
        sys.exit(f"error: {error}")
