"""The hierarchy of Junos statements and the node of our modules that each one stands for: one table.

Every statement stands for one node and every configured node of our modules for one statement, so that a configuration
reads the same in both syntaxes and can be written back in either. What the table does not name is no statement here.
`HIERARCHY` names paths; definitions.py resolves them against a schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    """A statement: its word, its node's path below the node of the statement around it, and the statements within.

    A row without a path is a level that only Junos has. `tag` is the name of the XML element where that is not the
    word. `flag` is the value that the word alone stands for. `is_joined`: the statement within stands on the same line.
    `is_named`: a value of a leaf-list is an element with a name, and a statement of its own. `name_pattern` is what the
    names of a list without a word look like, `implied` the leaf of an entry, and its value, that Junos does not spell.
    """

    word: str
    path: str = ""
    below: tuple[Row, ...] = ()
    tag: str = ""
    flag: str | None = None
    is_joined: bool = False
    is_named: bool = False
    name_pattern: str = ""
    implied: tuple[str, str] | None = None


_SECRET: Final = (Row("ascii-text", "ascii-text"), Row("hexadecimal", "hexadecimal"))
_IDENTITY: Final = (Row("prefix", "prefix"), Row("protocol", "protocol"), Row("port", "port"))


def _key(path: str, word: str) -> Row:
    return Row(word, path, (Row("algorithm", "algorithm"), Row("key", "key", _SECRET, is_joined=True)))


def _family(word: str) -> Row:
    path = f"family-{word}"
    below = (*_SWITCH, Row("address", "address", is_named=True), Row("ipsec-sa", "ipsec-sa"))
    return Row(word, path, below)


_SWITCH: Final = (Row("disable", "enabled", flag="false"), Row("enable", "enabled", flag="true"))

_SYSTEM: Final = Row(
    "system",
    "/ipsec-agent-system:system",
    (
        Row("host-name", "host-name"),
        Row("domain-name", "domain-name"),
        Row(
            "services",
            "services",
            (Row("ssh", "ssh"), Row("netconf", "netconf", (Row("ssh", "ssh", (Row("port", "port"),)),))),
        ),
    ),
)
_INTERFACES: Final = Row(
    "interfaces",
    below=(
        Row(
            "",
            "/ietf-interfaces:interfaces/interface",
            (
                Row("description", "description"),
                *_SWITCH,
                Row(
                    "es-options",
                    "ipsec-agent-interfaces:es-options",
                    (Row("backup-interface", "backup-interface"),),
                ),
                Row(
                    "unit",
                    "ipsec-agent-interfaces:unit",
                    (
                        Row(
                            "tunnel",
                            "tunnel",
                            (
                                Row("source", "source"),
                                Row("destination", "destination"),
                                Row("backup-destination", "backup-destination"),
                            ),
                        ),
                        Row("family", below=(_family("inet"), _family("inet6")), is_joined=True),
                    ),
                ),
            ),
            tag="interface",
            name_pattern="es-[0-9]+/[0-9]+/[0-9]+",
            implied=("type", "ipsec-agent-interfaces:es-pic"),
        ),
    ),
)
_CERTIFICATES: Final = Row(
    "certificates",
    "/ipsec-agent-certificates:certificates",
    (
        Row("expiry-warning", "expiry-warning"),
        Row("certification-authority", "trust-anchor", (Row("certificate", "certificate"),)),
    ),
)
_IKE: Final = Row(
    "ike",
    "/ipsec-agent-ike:ike",
    (
        Row(
            "proposal",
            "proposal",
            (
                Row("authentication-method", "authentication-method"),
                Row("dh-group", "dh-group"),
                Row("authentication-algorithm", "authentication-algorithm"),
                Row("encryption-algorithm", "encryption-algorithm"),
                Row("lifetime-seconds", "lifetime-seconds"),
            ),
        ),
        Row(
            "policy",
            "policy",
            (
                Row("mode", "mode"),
                Row("proposals", "proposal"),
                Row("pre-shared-key", "pre-shared-key", _SECRET, is_joined=True),
                Row("remote-port", "remote-port"),
                Row("remote-nat-port", "remote-nat-port"),
                Row(
                    "dead-peer-detection",
                    "dead-peer-detection",
                    (
                        Row("interval", "interval"),
                        Row("retries", "retries"),
                        Row("retry-interval", "retry-interval"),
                    ),
                ),
            ),
        ),
    ),
)
_IPSEC: Final = Row(
    "ipsec",
    "/ipsec-agent-ipsec:ipsec",
    (
        Row(
            "proposal",
            "proposal",
            (
                Row("protocol", "protocol"),
                Row("authentication-algorithm", "authentication-algorithm"),
                Row("encryption-algorithm", "encryption-algorithm"),
                Row("lifetime-seconds", "lifetime-seconds"),
                Row("lifetime-kilobytes", "lifetime-kilobytes"),
            ),
        ),
        Row(
            "policy",
            "policy",
            (
                Row("perfect-forward-secrecy", below=(Row("keys", "perfect-forward-secrecy"),)),
                Row("proposals", "proposal"),
            ),
        ),
        Row(
            "security-association",
            "security-association",
            (
                Row("mode", "mode"),
                Row(
                    "manual",
                    "manual",
                    (
                        Row("local-address", "local-address"),
                        Row("remote-address", "remote-address"),
                        Row(
                            "direction",
                            "direction",
                            (
                                Row("protocol", "protocol"),
                                Row("spi", "spi"),
                                Row("auxiliary-spi", "auxiliary-spi"),
                                _key("authentication", "authentication"),
                                _key("encryption", "encryption"),
                            ),
                        ),
                    ),
                ),
                Row(
                    "dynamic",
                    "dynamic",
                    (
                        Row("replay-window-size", "replay-window-size"),
                        Row("ipsec-policy", "ipsec-policy"),
                        Row("local-identity", "local-identity", _IDENTITY),
                        Row("remote-identity", "remote-identity", _IDENTITY),
                    ),
                ),
            ),
        ),
    ),
)
HIERARCHY: Final = Row(
    "",
    below=(_SYSTEM, _INTERFACES, Row("security", below=(_CERTIFICATES, _IKE, _IPSEC))),
    tag="configuration",
)
