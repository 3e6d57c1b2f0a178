"""What a certificate database keeps over a restart, as a value and as octets (JSON).

Trust anchors come from the configuration; of them only the ids are kept, with the certificates that they belong to.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass

from agent.core.identifiers import EntryId


@dataclass(frozen=True, slots=True)
class KeptCertificate:
    """A certificate, DER or PEM; one that was not imported is there for the id of a trust anchor alone."""

    id: EntryId
    data: bytes
    is_imported: bool = True


@dataclass(frozen=True, slots=True)
class KeptCrl:
    """A revocation list, DER or PEM."""

    id: EntryId
    data: bytes


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """All that is kept. `next_id` is larger than every id that was ever given, or 0 when the entries say which was."""

    next_id: int = 0
    certificates: tuple[KeptCertificate, ...] = ()
    crls: tuple[KeptCrl, ...] = ()

    def encode(self) -> bytes:
        """Return the state as octets."""
        certificates = [
            {"id": each.id, "imported": each.is_imported, "data": b64encode(each.data).decode()}
            for each in self.certificates
        ]
        crls = [{"id": each.id, "data": b64encode(each.data).decode()} for each in self.crls]
        return json.dumps({"next-id": self.next_id, "certificates": certificates, "crls": crls}, indent=1).encode()

    @classmethod
    def decode(cls, octets: bytes) -> "DatabaseState":
        """Read what `encode` made; ValueError for anything else."""
        try:
            read = json.loads(octets)
            return cls(
                int(read["next-id"]),
                tuple(
                    KeptCertificate(EntryId(int(each["id"])), b64decode(each["data"]), bool(each["imported"]))
                    for each in read["certificates"]
                ),
                tuple(KeptCrl(EntryId(int(each["id"])), b64decode(each["data"])) for each in read["crls"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no state of a certificate database: {error!r}") from error
