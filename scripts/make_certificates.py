#!/usr/bin/env python3
"""Make the certificates of the shipped scenarios from their key files, which lie beside them.

The keys are public: they are in the repository, so a certificate for them proves nothing to anybody. The same keys give
the same certificates, octet by octet; a test runs this script to see that those shipped are the ones made here. A key
file that is missing is made with `openssl genrsa`, since the making of a key cannot be repeated.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from agent.core.crypto.issuing import Template, issue
from agent.core.crypto.x509 import AlternativeName, AlternativeNameType

SCENARIOS = Path(__file__).parents[1] / "agent" / "scenarios"
KEY_BITS = 1024
"""As was usual in 2003, and short enough to be of no use for anything else."""
ROOT_NAME = "C=FI, O=Company-ABC, CN=Company ABC class 2"
ROOT = "chapter-root"


def instant(text: str) -> int:
    """Return microseconds since the Unix epoch."""
    return round(datetime.fromisoformat(text).timestamp()) * 1_000_000


def gateway(serial: int, not_before: str, not_after: str, address: str) -> Template:
    """Return one of the two gateways of the chapter, which also issue revocation lists."""
    names = (AlternativeName(AlternativeNameType.IP_ADDRESS, address),)
    validity = (instant(not_before), instant(not_after))
    return Template(serial, "C=us, O=x", ROOT_NAME, *validity, names, may_sign_crls=True)


TEMPLATES = {
    ROOT: Template(
        1538512,
        ROOT_NAME,
        ROOT_NAME,
        instant("2001-08-01T07:08:32Z"),
        instant("2004-08-01T07:08:32Z"),
        (AlternativeName(AlternativeNameType.EMAIL_ADDRESS, "certifier-support@ssh.com"),),
        is_ca=True,
    ),
    "chapter-22314868": gateway(22314868, "2003-03-01T01:20:42Z", "2003-03-31T01:50:42Z", "10.20.210.1"),
    "chapter-22315496": gateway(22315496, "2003-03-01T01:21:45Z", "2003-03-31T01:51:45Z", "10.20.210.20"),
    "demo-root": Template(
        1,
        "C=us, O=Example, CN=Example root",
        "C=us, O=Example, CN=Example root",
        instant("2020-01-01T00:00:00Z"),
        instant("2050-01-01T00:00:00Z"),
        is_ca=True,
        may_sign_crls=True,
    ),
}
"""By their file names: the certificates of the chapter, as in its samples, and the root of the demo."""


def key(name: str) -> bytes:
    """Return a key of the scenarios, which is made when there is none."""
    path = SCENARIOS / f"{name}.key"
    if not path.exists():
        subprocess.run(["openssl", "genrsa", "-out", str(path), str(KEY_BITS)], check=True, capture_output=True)
    return path.read_bytes()


def issuer_of(name: str) -> str:
    """Return the root of a scenario's certificate."""
    return f"{name.partition('-')[0]}-root"


def main() -> int:
    """Write every certificate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=SCENARIOS, metavar="DIR", help="default: beside the scenarios")
    options = parser.parse_args()
    for name, template in TEMPLATES.items():
        (options.to / f"{name}.pem").write_text(issue(template, key(name), key(issuer_of(name))), "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
