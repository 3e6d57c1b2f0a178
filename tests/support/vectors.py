"""The recordings of `tests/vectors/ike`, and what it takes to put an engine in the place of either end."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path as FilePath
from typing import Any, Literal

from agent.core.config import (
    AuthenticationMethod,
    DeadPeerDetection,
    DhGroup,
    EncryptionAlgorithm,
    ExchangeMode,
    HashAlgorithm,
    IkePolicy,
    IkeProposal,
    IkeSettings,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProposal,
    IpsecProtocol,
    SaMode,
)
from agent.core.identifiers import Cookie, Endpoint, Spi
from agent.core.ike import identity
from agent.core.ike.agreement import Terms
from agent.core.ike.keymat import KeySeed
from agent.core.ike.message import CookiePair
from agent.core.ike.natt import Path
from agent.core.ike.numbers import NotifyType
from agent.core.ike.payloads import Identification, Notification

FOLDER = FilePath(__file__).parent.parent / "vectors" / "ike"

Side = Literal["initiator", "responder"]
PHASE_1_MESSAGES = {"main": 6, "aggressive": 3}


class RecordedEntropy:
    """Gives out what the recorded end drew, by purpose; to draw more than it did is an error."""

    def __init__(self, draws: Mapping[str, Sequence[bytes]]) -> None:
        self._draws = {purpose: list(values) for purpose, values in draws.items()}

    def draw(self, name: str, count: int) -> bytes:
        """Return the next recorded octets of a purpose: as many as were drawn then, which `count` does not change."""
        return self._draws[name.rpartition("/")[2]].pop(0)

    @property
    def left(self) -> int:
        """How many recorded draws nobody asked for."""
        return sum(len(values) for values in self._draws.values())


@dataclass(frozen=True)
class RecordedCookies:
    """Makes the one cookie that the recorded end made."""

    cookie: Cookie

    def make(self, path: Path, peer_cookie: Cookie) -> Cookie:
        """Return it, whatever it is for."""
        return self.cookie


@dataclass(frozen=True)
class RecordedMessage:
    """One message of a recording, as one of the ends sees it."""

    number: int
    sender: Side
    exchange: str
    datagram: bytes
    source: Endpoint
    destination: Endpoint
    plaintext: bytes
    iv: bytes
    document: Mapping[str, Any]


@dataclass(frozen=True)
class RecordedQuickMode:
    """One quick mode of a recording; initiator and responder are here its own, which are those of phase 1 too."""

    keys: Mapping[str, Any]
    proposal: Mapping[str, Any]
    identities: Mapping[str, Any]
    offer: bytes
    """The body of the initiator's SA payload."""

    @property
    def message_id(self) -> bytes:
        """Its message id."""
        return bytes.fromhex(self.keys["message_id"])

    def nonce(self, side: Side) -> bytes:
        """Return a side's nonce."""
        return bytes.fromhex(self.keys[f"nonce_{side[0]}"])

    def spi(self, side: Side) -> Spi:
        """Return the SPI that a side chose, and receives on."""
        # The initiator's stands in the first proposal, also where the offer was refused and the keys do not name it.
        return Spi(int.from_bytes(self.offer[16:20]) if side == "initiator" else int(self.keys["spi_responder"], 16))

    def exponent(self, side: Side) -> bytes | None:
        """Return a side's exponent; None without perfect forward secrecy."""
        pfs = self.keys.get("pfs")
        return bytes.fromhex(pfs[f"dh_private_{side[0]}"]) if pfs else None

    def identity(self, side: Side) -> Identification:
        """Return the identification of the traffic at a side."""
        return Identification.decode(bytes.fromhex(self.identities[f"idc{side[0]}"]["body"]))

    @property
    def offered(self) -> IpsecPolicy:
        """What the initiator offered, as a policy."""
        return _ipsec_policy(self.proposal["offered"])

    @property
    def accepted(self) -> IpsecPolicy:
        """A policy that allows what the responder chose and nothing else."""
        return _ipsec_policy([self.proposal["accepted"]])

    @property
    def mode(self) -> SaMode:
        """Tunnel or transport, within UDP or not."""
        return SaMode(self.proposal["offered"][0]["encapsulation"].removeprefix("udp-"))

    def terms(self, side: Side, policy: IpsecPolicy | None = None) -> Terms:
        """Return the terms on which an engine in the place of a side negotiates."""
        own: IpsecPolicy = policy or (self.offered if side == "initiator" else self.accepted)
        initiators, responders = (identity.traffic(self.identity(end)) for end in ("initiator", "responder"))
        assert initiators is not None
        assert responders is not None
        local, remote = (initiators, responders) if side == "initiator" else (responders, initiators)
        return Terms("recorded", own, self.mode, local, remote, lambda: self.spi(side))


def _ipsec_policy(proposals: Sequence[Mapping[str, Any]]) -> IpsecPolicy:
    group = proposals[0].get("pfs_group")
    return IpsecPolicy(
        name="recorded",
        proposals=tuple(_ipsec_proposal(str(number), each) for number, each in enumerate(proposals)),
        perfect_forward_secrecy=DhGroup(f"group{group}") if group else None,
    )


def _ipsec_proposal(name: str, document: Mapping[str, Any]) -> IpsecProposal:
    encryption = document.get("encryption", "null")
    return IpsecProposal(
        name=name,
        protocol=IpsecProtocol(document["protocol"]),
        authentication_algorithm=IpsecAuthentication(document["authentication"]),
        encryption_algorithm=EncryptionAlgorithm(encryption) if encryption != "null" else None,
        lifetime_seconds=document["life_seconds"],
    )


@dataclass(frozen=True)
class Recording:
    """One exchange between two foreign daemons."""

    name: str
    document: Mapping[str, Any]

    @property
    def mode(self) -> str:
        """Main or aggressive."""
        return str(self.document["mode"])

    @property
    def has_keys(self) -> bool:
        """Whether phase 1 came as far as keys."""
        return bool(self.document["keys"])

    def key(self, name: str) -> bytes:
        """Return one of the recorded keys or values of phase 1."""
        return bytes.fromhex(self.document["keys"][name])

    def messages(self, seen_by: Side = "initiator") -> list[RecordedMessage]:
        """Return all messages in the order on the wire, with the endpoints as one side sees them."""
        return [self._message(each, seen_by) for each in self.document["messages"]]

    def phase1(self, seen_by: Side = "initiator") -> list[RecordedMessage]:
        """Return the messages of phase 1."""
        return self.messages(seen_by)[: PHASE_1_MESSAGES[self.mode]]

    def later(self, seen_by: Side = "initiator") -> list[RecordedMessage]:
        """Return the messages behind phase 1."""
        return self.messages(seen_by)[PHASE_1_MESSAGES[self.mode] :]

    def quick_modes(self) -> list[RecordedQuickMode]:
        """Return every quick mode, in order."""
        parts = [self.document[part]["quick"] for part in ("keys", "proposal", "ids")]
        offers = [
            body for message in self.later() if message.sender == "initiator" for body in self.bodies(message, "SA")
        ]
        return [RecordedQuickMode(*each) for each in zip(*parts, offers, strict=True)]

    def message_ids(self, side: Side) -> list[bytes]:
        """Return the message ids that a side drew, in order."""
        drawn: dict[bytes, str] = {}
        for each in self.later():
            drawn.setdefault(each.datagram[20:24], each.sender)
        return [message_id for message_id, sender in drawn.items() if sender == side]

    def _message(self, each: Mapping[str, Any], seen_by: Side) -> RecordedMessage:
        sender: Side = each["from"]
        receiver: Side = "responder" if sender == "initiator" else "initiator"
        addresses = dict(self.document["addresses"])
        # Where a translator is between the ends, the initiator knows the responder by the translator's inner address.
        addresses["responder"] = addresses.get("nat_initiator_side", addresses["responder"])
        source, destination = (addresses[sender], each["sport"]), (addresses[receiver], each["dport"])
        view = each.get("responder_side")
        if seen_by == "responder" and view is not None:
            source, destination = (view["src"], view["sport"]), (view["dst"], view["dport"])
        return RecordedMessage(
            number=each["n"],
            sender=sender,
            exchange=each["exchange"],
            datagram=bytes.fromhex(each["hex"]),
            source=Endpoint(ip_address(source[0]), source[1]),
            destination=Endpoint(ip_address(destination[0]), destination[1]),
            plaintext=bytes.fromhex(each.get("decrypted", "")),
            iv=bytes.fromhex(each.get("iv", "")),
            document=each,
        )

    def bodies(self, message: RecordedMessage, payload_name: str) -> list[bytes]:
        """Return the bodies of a message's payloads of one name."""
        payloads = message.document["payloads"]
        return [bytes.fromhex(each["body"]) for each in payloads if each["name"] == payload_name]

    def sent_by(self, side: Side) -> list[RecordedMessage]:
        """Return the phase 1 messages of one side."""
        return [each for each in self.phase1(side) if each.sender == side]

    def proposals(self) -> tuple[IkeProposal, ...]:
        """Return what the initiator offered."""
        offered = self.document["proposal"]["phase1_offered"]
        return tuple(
            IkeProposal(
                name=str(number),
                authentication_method=AuthenticationMethod(f"{each['authentication']}s"),
                authentication_algorithm=HashAlgorithm(each["hash"]),
                encryption_algorithm=EncryptionAlgorithm(each["encryption"]),
                dh_group=DhGroup(f"group{each['group']}"),
                lifetime_seconds=each["life_seconds"],
            )
            for number, each in enumerate(offered)
        )

    def accepted(self) -> IkeProposal:
        """Return what the responder chose."""
        chosen = self.document["proposal"]["phase1"]
        offered = self.document["proposal"]["phase1_offered"]
        position: int = offered.index(chosen)
        return self.proposals()[position]

    def seed(self) -> KeySeed:
        """Return what the keys were derived from."""
        return KeySeed(
            pre_shared_key=bytes.fromhex(self.document["psk"]),
            ni=self.key("nonce_i"),
            nr=self.key("nonce_r"),
            gxi=self.key("dh_public_i"),
            gxr=self.key("dh_public_r"),
            gxy=self.key("dh_shared_secret"),
            cookies=CookiePair(
                Cookie(bytes.fromhex(self.document["cookies"]["initiator"])),
                Cookie(bytes.fromhex(self.document["cookies"]["responder"])),
            ),
        )

    def identity(self, side: Side) -> bytes | None:
        """Return the body of a side's identification."""
        identities = self.document["ids"]
        return bytes.fromhex(identities[side]["body"]) if identities else None

    def probes(self, side: Side) -> list[bytes]:
        """Return the sequence numbers of the probes that a side sent."""
        bodies = [body for each in self.later() if each.sender == side for body in self.bodies(each, "N")]
        notifications = [Notification.decode(body) for body in bodies]
        return [each.data for each in notifications if each.notify == NotifyType.R_U_THERE]

    def forces_nat(self, side: Side) -> bool:
        """Say whether a side sent a false hash of its own endpoint."""
        views = [each.document["nat_d"] for each in self.sent_by(side) if "nat_d" in each.document]
        return any(not view["source"]["true_hash"] for view in views)

    def settings(self, side: Side) -> IkeSettings:
        """Return how an engine must behave to stand for a side."""
        vendor_ids = [body for each in self.sent_by(side) for body in self.bodies(each, "VID")]
        return IkeSettings(vendor_ids=tuple(vendor_ids), force_nat_detection=self.forces_nat(side))

    def policy(self, side: Side) -> IkePolicy:
        """Return a side's policy for the other."""
        first = self.phase1(side)[0]
        return IkePolicy(
            peer_address=first.destination.address if side == "initiator" else first.source.address,
            mode=ExchangeMode(self.mode),
            proposals=self.proposals() if side == "initiator" or not self.has_keys else (self.accepted(),),
            pre_shared_key=bytes.fromhex(self.document["psk"]),
            dead_peer_detection=DeadPeerDetection() if self.probes(side) else None,
            local_identity=self.identity(side),
        )

    def cookies(self, side: Side) -> RecordedCookies:
        """Return what makes the cookie of a side; it has none where phase 1 was refused, but for that of the notify."""
        cookie = self.document["cookies"][side]
        return RecordedCookies(Cookie(bytes.fromhex(cookie) if cookie else self.phase1()[1].datagram[8:16]))

    def entropy(self, side: Side, *, message_ids: Sequence[bytes] = (), has_phase2: bool = False) -> RecordedEntropy:
        """Return what a side drew: in phase 1 and, if it is to go on, in every quick mode."""
        draws: dict[str, list[bytes]] = {"message-id": list(message_ids)}
        if self.has_keys:
            draws["exponent"] = [self.key(f"dh_private_{side[0]}")]
            draws["nonce"] = [self.key(f"nonce_{side[0]}")]
        if self.probes(side):
            draws["dpd-sequence"] = self.probes(side)[:1]
        for each in self.quick_modes() if has_phase2 else ():
            exponent = each.exponent(side)
            draws["exponent"] += [exponent] if exponent is not None else []
            draws["nonce"] += [each.nonce(side)] if f"nonce_{side[0]}" in each.keys else []
        if self.forces_nat(side):
            views = [each.document["nat_d"] for each in self.sent_by(side) if "nat_d" in each.document]
            draws["nat-d"] = [bytes.fromhex(views[0]["source"]["hash"])]
        return RecordedEntropy(draws)


@cache
def recording(name: str) -> Recording:
    """Return a recording by the name of its file."""
    return Recording(name, json.loads((FOLDER / f"{name}.json").read_text()))


def names(*, mode: str | None = None, has_keys: bool | None = None) -> list[str]:
    """Return the names of the recordings of a mode, with or without keys."""
    found = [recording(path.stem) for path in sorted(FOLDER.glob("*.json"))]
    return [
        each.name for each in found if mode in (None, each.mode) and (has_keys is None or has_keys == each.has_keys)
    ]
