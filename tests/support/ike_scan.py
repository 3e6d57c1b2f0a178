"""ike-scan, a prober that knows IKE: what it prints of the answer that it gets."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support import namespaces
from tests.support.namespaces import Namespace

SECONDS = 20
ENCRYPTION = {"des": 1, "3des": 5}
HASH = {"md5": 1, "sha1": 2}
GROUP = {"modp768": 1, "modp1024": 2}
PRE_SHARED_KEY = 1


def lacking() -> str | None:
    """Say what it takes to run ike-scan and is not there; None when nothing is lacking."""
    return "the system package ike-scan is missing" if shutil.which("ike-scan") is None else namespaces.lacking()


def scan(namespace: Namespace, address: str, *proposals: str, options: tuple[str, ...] = ()) -> str:
    """Offer proposals, named as strongSwan does, to port 500 of an address, and return what ike-scan prints."""
    offered = (f"--trans={_transform(proposal)}" for proposal in proposals)
    command = namespace.command("ike-scan", "--multiline", "--sport=0", "--retry=2", *offered, *options, address)
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def scan_aggressively(namespace: Namespace, address: str, proposal: str, parameters: Path) -> str:
    """Begin aggressive mode as 127.0.0.1, and have ike-scan write what psk-crack takes into a file."""
    group = str(GROUP[proposal.split("-")[2]])
    identity = ("--id=0x7f000001", "--idtype=1")
    options = ("--aggressive", f"--dhgroup={group}", *identity, f"--pskcrack={parameters}")
    return scan(namespace, address, proposal, options=options)


def psk_crack(parameters: Path, *words: str) -> str:
    """Try words as the pre-shared key, and return what psk-crack prints."""
    dictionary = parameters.with_suffix(".words")
    dictionary.write_text("".join(f"{word}\n" for word in words))
    command = ["psk-crack", f"--dictionary={dictionary}", str(parameters)]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def _transform(proposal: str) -> str:
    cipher, digest, group = proposal.split("-")
    return f"{ENCRYPTION[cipher]},{HASH[digest]},{PRE_SHARED_KEY},{GROUP[group]}"
