"""Negotiations a second in one World, both ends. The limit: the cryptography of both ends of one of them alone.

A Main mode is between two engines; a full negotiation between a device and a peer, as they are configured: Main mode,
quick mode, with perfect forward secrecy or without, and the pair of IPsec SAs installed at both ends. With charon at
the other end, which has a processor of its own and exponents as long as the prime, it is charon that is waited for:
there the rate has no target.

The limit is the cryptography as the libraries do it, one exponentiation for each public value; the engine is ahead of
it there, since it looks the powers of the generator up. The garbage collector is set as `serve` sets it.
"""

from __future__ import annotations

import gc
import hashlib
import hmac
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, ip_network
from statistics import median

import gmpy2
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC

from agent.app.server import COLLECT_AFTER
from agent.core.config import (
    AuthenticationMethod,
    DeviceConfig,
    DhGroup,
    DynamicSa,
    EncryptionAlgorithm,
    EsInterface,
    ExchangeMode,
    HashAlgorithm,
    IkeConfig,
    IkePolicy,
    IkeProposal,
    IkeSettings,
    InterfaceFamily,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProposal,
    IpsecProtocol,
    SaMode,
    SecurityAssociationConfig,
    TrafficIdentity,
    Unit,
    UnitTunnel,
)
from agent.core.device import Device
from agent.core.link import Network
from agent.core.peer import Peer
from agent.core.world import SECOND, World
from tests.bench import charon
from tests.bench.rows import Row, medians
from tests.support import charon as strongswan
from tests.support.gateways import Gateway

ROUNDS = 5
CHARON_ROUNDS = 3
EXCHANGES = 100
LEAST_SHARE = 0.5
"""Of the limit, that the engine has to reach: what it adds must not outweigh the cryptography."""

LOCAL = IPv4Address("10.0.0.1")
PROTECTION = IpsecProposal(
    "proposal", IpsecProtocol.ESP, IpsecAuthentication.HMAC_MD5_96, EncryptionAlgorithm.TRIPLE_DES_CBC
)
KEYMAT_OCTETS = 24 + 16


def propose(hash_: HashAlgorithm, cipher: EncryptionAlgorithm, group: DhGroup) -> IkeProposal:
    """A proposal whose SA outlives the measurement."""
    return IkeProposal(
        name="proposal",
        authentication_method=AuthenticationMethod.PRE_SHARED_KEYS,
        authentication_algorithm=hash_,
        encryption_algorithm=cipher,
        dh_group=group,
        lifetime_seconds=86400,
    )


Measure = Callable[[IkeProposal], float]
Kind = tuple[str, Measure, Measure]
"""What it is called, how many a second the engine does, and how many the cryptography alone."""

SECRET = "secret"
PROPOSALS = {
    "3des-cbc, md5, group2": propose(HashAlgorithm.MD5, EncryptionAlgorithm.TRIPLE_DES_CBC, DhGroup.GROUP2),
    "des-cbc, sha1, group1": propose(HashAlgorithm.SHA1, EncryptionAlgorithm.DES_CBC, DhGroup.GROUP1),
}
CHARONS_WORDS = {"3des-cbc, md5, group2": "3des-md5-modp1024", "des-cbc, sha1, group1": "des-sha1-modp768"}
"""What charon calls these proposals."""


def oakley_prime(bits: int, correction: int) -> int:
    """2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) pi) + correction): RFC 2409 sections 6.1 and 6.2."""
    with gmpy2.context(precision=2 * bits):
        pi = int(gmpy2.floor(gmpy2.mul_2exp(gmpy2.const_pi(), bits - 130)))
    return (1 << bits) - (1 << (bits - 64)) - 1 + (1 << 64) * (pi + correction)


PRIMES = {DhGroup.GROUP1: oakley_prime(768, 149686), DhGroup.GROUP2: oakley_prime(1024, 129093)}


def ike() -> Iterator[Row]:
    """Negotiations of a device with many peers, which start all at once."""
    kinds: tuple[Kind, ...] = (
        ("main mode", main_modes, partial(cryptography_alone, has_phase2=False)),
        ("main and quick mode", negotiations, cryptography_alone),
        ("main and quick mode, PFS", partial(negotiations, has_pfs=True), partial(cryptography_alone, has_pfs=True)),
    )
    cases = {
        f"{side} {kind}, {name}": (lambda measure=measure, proposal=proposal: measure(proposal))
        for name, proposal in PROPOSALS.items()
        for kind, engine, crypto in kinds
        for side, measure in (("engine", engine), ("crypto", crypto))
    }
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(*COLLECT_AFTER)
    try:
        yield from rows(kinds, medians(cases, ROUNDS))
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def rows(kinds: tuple[Kind, ...], figures: Mapping[str, float]) -> Iterator[Row]:
    """Compare, and measure with charon too."""
    for name in PROPOSALS:
        for kind, _, _ in kinds:
            limit = figures[f"crypto {kind}, {name}"]
            figure = figures[f"engine {kind}, {name}"]
            yield Row("ike", f"{kind}, {name}", "1/s", figure, limit, target=LEAST_SHARE * limit)
    yield from with_charon(figures)


def with_charon(figures: Mapping[str, float]) -> Iterator[Row]:
    """Full negotiations with strongSwan, beside what they would take with nothing but cryptography at both ends."""
    lacking = strongswan.lacking()
    if lacking is not None:
        print(f"with charon: left out, because {lacking}", file=sys.stderr)
        return
    for name, words in CHARONS_WORDS.items():
        config = gateway(charon.DEVICE, charon.peer_addresses(EXCHANGES), PROPOSALS[name])
        answering = charon.Answering(words, "3des-md5", SECRET)
        rate = median(charon.negotiations(answering, config) for _ in range(CHARON_ROUNDS))
        limit = figures[f"crypto main and quick mode, {name}"]
        yield Row("ike", f"main and quick mode with charon, {name}", "1/s", rate, limit)


def peer_addresses() -> list[IPv4Address]:
    """The address of each peer."""
    return [IPv4Address("10.1.0.0") + number for number in range(EXCHANGES)]


def main_modes(proposal: IkeProposal) -> float:
    """Main modes a second between one engine and many others in one World."""
    world = World(now=0, seed="bench")
    network = Network(world)
    device = Gateway(world, network, LOCAL, IkeSettings())
    for address in peer_addresses():
        peer = Gateway(world, network, address, IkeSettings())
        peer.policies.by_address[LOCAL] = policy(LOCAL, proposal)
        device.policies.by_address[address] = policy(address, proposal)
    began = start()
    for address in peer_addresses():
        device.initiate(address)
    world.advance(5 * SECOND)
    return rate(began, len(device.matured))


def negotiations(proposal: IkeProposal, *, has_pfs: bool = False) -> float:
    """Full negotiations a second between one device and its peers in one World."""
    world = World(now=0, seed="bench")
    network = Network(world)
    addresses = peer_addresses()
    group = proposal.dh_group if has_pfs else None
    peers = [Peer(world, network, gateway(address, [LOCAL], proposal, group)) for address in addresses]
    device = Device(world, network, gateway(LOCAL, addresses, proposal, group), peers=peers)
    began = start()
    device.start()
    world.advance(5 * SECOND)
    return rate(began, sum(len(each.pairs) for each in device.security_associations.values()))


def start() -> float:
    """The time, after the garbage of what was measured before has been collected: it is nobody's cost here."""
    gc.collect()
    return time.perf_counter()


def rate(began: float, done: int) -> float:
    """How many a second, if all came to their end."""
    if done != EXCHANGES:
        raise RuntimeError(f"{done} of {EXCHANGES} negotiations came to their end")
    return EXCHANGES / (time.perf_counter() - began)


def policy(peer: IPv4Address, proposal: IkeProposal) -> IkePolicy:
    """A policy for one peer."""
    return IkePolicy(peer, ExchangeMode.MAIN, (proposal,), SECRET.encode())


def gateway(
    address: IPv4Address, others: list[IPv4Address], proposal: IkeProposal, pfs: DhGroup | None = None
) -> DeviceConfig:
    """A gateway with a policy for each of the others, and a tunnel to it."""
    protection = IpsecPolicy("policy", (PROTECTION,), pfs)
    associations = tuple(
        SecurityAssociationConfig(str(other), SaMode.TUNNEL, DynamicSa(protection, 0, *ends))
        for other in others
        for ends in [(behind(address), behind(other))]
    )
    units = tuple(
        Unit(number, InterfaceFamily(True, str(other)), None, UnitTunnel(address, other))
        for number, other in enumerate(others)
    )
    ike_config = IkeConfig(tuple(policy(other, proposal) for other in others))
    return DeviceConfig(str(address), (address,), ike_config, associations, (EsInterface("es-0/0/0", units=units),))


def behind(address: IPv4Address) -> TrafficIdentity:
    """The traffic behind a gateway."""
    return TrafficIdentity(ip_network((int(address) << 8 & 0xFFFFFFFF, 24)))


def cryptography_alone(proposal: IkeProposal, *, has_phase2: bool = True, has_pfs: bool = False) -> float:
    """Exchanges a second if there were nothing to do but the cryptography of both ends."""
    began = start()
    for _ in range(EXCHANGES):
        keys = one_exchange(proposal)
        if has_phase2:
            one_quick_mode(proposal, keys, proposal.dh_group if has_pfs else None)
    return EXCHANGES / (time.perf_counter() - began)


@dataclass(frozen=True)
class Keys:
    """What quick mode needs of phase 1."""

    skeyid_a: bytes
    skeyid_d: bytes
    cipher_key: bytes
    iv: bytes


def one_exchange(proposal: IkeProposal) -> Keys:
    """What both ends compute in Main mode (RFC 2409 sec. 5), and nothing else.

    Cookies and nonces, public values and secret, keys, hashes, NAT-D, and the encryption of messages 5 and 6. Exponents
    have 256 bits, as the engine's: that is twice the strength of either group and more.
    """
    publics, secrets = key_exchange(proposal.dh_group)
    for end, secret in enumerate(secrets):
        keys = derive(proposal, secret, b"".join(publics))
        for length, is_mine in ((64, end == 0), (40, end == 1)):
            encrypt(keys, length, is_mine)
        draw(b"nonce", 32)
        hmac.digest(keys.skeyid_a, bytes(36), "sha1")
        for _ in range(4):
            hashlib.new(proposal.authentication_algorithm.value, bytes(22), usedforsecurity=False).digest()
    return keys


def key_exchange(group: DhGroup) -> tuple[list[bytes], list[bytes]]:
    """Both ends' public values, and the secret as each of them computes it."""
    prime = PRIMES[group]
    octets = (prime.bit_length() + 7) // 8
    exponents = [int.from_bytes(draw(b"%d" % end, 32)) for end in range(2)]
    publics = [gmpy2.powmod(2, exponent, prime) for exponent in exponents]
    secrets = [gmpy2.powmod(publics[1 - end], exponents[end], prime) for end in range(2)]
    return [int(each).to_bytes(octets) for each in publics], [int(each).to_bytes(octets) for each in secrets]


def draw(name: bytes, octets: int) -> bytes:
    """Entropy, which a World makes by hashing."""
    return hashlib.shake_256(name.rjust(40)).digest(octets)


def encrypt(keys: Keys, length: int, is_mine: bool) -> None:
    """One message, or the decryption of one."""
    cipher = Cipher(TripleDES(keys.cipher_key), CBC(keys.iv))
    context = cipher.encryptor() if is_mine else cipher.decryptor()
    context.update(bytes(length))
    context.finalize()


def one_quick_mode(proposal: IkeProposal, keys: Keys, pfs: DhGroup | None) -> None:
    """Both ends' three hashes, KEYMAT of both directions, IV, and encryption of the three messages (sec. 5.5).

    With perfect forward secrecy a second exchange of keys, whose values and secret are hashed and encrypted too.
    """
    _, secrets = key_exchange(pfs) if pfs is not None else ([], [b"", b""])
    key_octets = len(secrets[0])
    name = proposal.authentication_algorithm.value
    digest_octets = hashlib.new(name, usedforsecurity=False).digest_size
    draw(b"message id", 4)
    for end, secret in enumerate(secrets):
        draw(b"nonce", 32)
        draw(b"spi", 4)
        hashlib.new(name, bytes(12), usedforsecurity=False).digest()
        for length, is_mine in ((160 + key_octets, end == 0), (160 + key_octets, end == 1), (24, end == 0)):
            hmac.digest(keys.skeyid_a, bytes(length), name)
            encrypt(keys, length, is_mine)
        for _ in range(2 * -(-KEYMAT_OCTETS // digest_octets)):
            hmac.digest(keys.skeyid_d, secret + bytes(80), name)


def derive(proposal: IkeProposal, secret: bytes, publics: bytes) -> Keys:
    """SKEYID and its three keys, the cipher's key and IV, and both authenticating hashes: one end's part."""
    name = proposal.authentication_algorithm.value
    cookies = bytes(16)
    skeyid = hmac.digest(b"secret", bytes(32), name)
    skeyid_d = hmac.digest(skeyid, secret + cookies + b"\0", name)
    skeyid_a = hmac.digest(skeyid, skeyid_d + secret + cookies + b"\1", name)
    skeyid_e = hmac.digest(skeyid, skeyid_a + secret + cookies + b"\2", name)
    for _ in range(2):
        hmac.digest(skeyid, publics + cookies + bytes(64), name)
    iv = hashlib.new(name, publics, usedforsecurity=False).digest()[:8]
    if proposal.encryption_algorithm is EncryptionAlgorithm.DES_CBC:
        return Keys(skeyid_a, skeyid_d, skeyid_e[:8] * 3, iv)
    blocks = [hmac.digest(skeyid_e, b"\0", name)]
    blocks.append(hmac.digest(skeyid_e, blocks[0], name))
    return Keys(skeyid_a, skeyid_d, b"".join(blocks)[:24], iv)
