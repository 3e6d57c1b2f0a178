"""The requests of RFC 5717, as short as tests want them."""

from __future__ import annotations

from typing import Final

PL: Final = "urn:ietf:params:xml:ns:netconf:partial-lock:1.0"


def lock_part(*selects: str) -> str:
    """Return a partial-lock with expressions that may use the prefix toy."""
    listed = "".join(f"<select>{select}</select>" for select in selects)
    return f'<partial-lock xmlns="{PL}" xmlns:toy="urn:toy">{listed}</partial-lock>'


def unlock_part(lock_id: int | str) -> str:
    """Return a partial-unlock."""
    return f'<partial-unlock xmlns="{PL}"><lock-id>{lock_id}</lock-id></partial-unlock>'
