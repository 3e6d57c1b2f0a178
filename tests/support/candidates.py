"""What a client says to the candidate."""

from __future__ import annotations

from typing import Final

from lxml import etree

from agent.datastore.edit import Operation, edit
from agent.datastore.tree import Branch
from tests.support.edits import PREFIXES
from tests.support.shop import ShopServer, toy_schema

COMMIT: Final = "<commit/>"
DISCARD: Final = "<discard-changes/>"
CANCEL: Final = "<cancel-commit/>"
LOCK: Final = "<lock><target><candidate/></target></lock>"
UNLOCK: Final = "<unlock><target><candidate/></target></unlock>"


def edit_candidate(content: str, options: str = "") -> str:
    """Return an edit-config of the candidate."""
    return f"<edit-config><target><candidate/></target>{options}<config {PREFIXES}>{content}</config></edit-config>"


def confirmed(seconds: int | None = None, persist: str | None = None, persist_id: str | None = None) -> str:
    """Return a commit that is to be confirmed."""
    given = {"confirm-timeout": seconds, "persist": persist, "persist-id": persist_id}
    options = "".join(f"<{name}>{value}</{name}>" for name, value in given.items() if value is not None)
    return f"<commit><confirmed/>{options}</commit>"


def with_id(operation: str, persist_id: str) -> str:
    """Return a commit or cancel-commit with the token of a confirmed commit."""
    return f"<{operation}><persist-id>{persist_id}</persist-id></{operation}>"


def on_candidate(server: ShopServer, content: str) -> Branch:
    """Return the running configuration with an edit, such as somebody with more rights could have made."""
    config = etree.fromstring(f"<config {PREFIXES}>{content}</config>")
    return edit(toy_schema(), server.stores.running, config, Operation.MERGE).root
