"""Main modes a second in one World, both ends. The limit: the cryptography of both ends of one exchange alone."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from ipaddress import IPv4Address

import gmpy2
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC

from agent.core.config import (
    AuthenticationMethod,
    DeviceConfig,
    DhGroup,
    EncryptionAlgorithm,
    ExchangeMode,
    HashAlgorithm,
    IkeConfig,
    IkePolicy,
    IkeProposal,
    Tunnel,
)
from agent.core.device import Device
from agent.core.events import Outcome
from agent.core.link import Network
from agent.core.peer import Peer
from agent.core.world import SECOND, World
from tests.bench.rows import Row, medians

ROUNDS = 5
EXCHANGES = 100
LEAST_SHARE = 0.5
"""Of the limit, that the engine has to reach: what it adds must not outweigh the cryptography."""

LOCAL = IPv4Address("10.0.0.1")


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


PROPOSALS = {
    "3des-cbc, md5, group2": propose(HashAlgorithm.MD5, EncryptionAlgorithm.TRIPLE_DES_CBC, DhGroup.GROUP2),
    "des-cbc, sha1, group1": propose(HashAlgorithm.SHA1, EncryptionAlgorithm.DES_CBC, DhGroup.GROUP1),
}


def oakley_prime(bits: int, correction: int) -> int:
    """2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) pi) + correction): RFC 2409 sections 6.1 and 6.2."""
    with gmpy2.context(precision=2 * bits):
        pi = int(gmpy2.floor(gmpy2.mul_2exp(gmpy2.const_pi(), bits - 130)))
    return (1 << bits) - (1 << (bits - 64)) - 1 + (1 << 64) * (pi + correction)


PRIMES = {DhGroup.GROUP1: oakley_prime(768, 149686), DhGroup.GROUP2: oakley_prime(1024, 129093)}


def ike() -> Iterator[Row]:
    """Negotiations of a device with many peers, which start all at once."""
    cases = {
        f"{kind} {name}": (lambda measure=measure, proposal=proposal: measure(proposal))
        for name, proposal in PROPOSALS.items()
        for kind, measure in (("engine", main_modes), ("crypto", cryptography_alone))
    }
    figures = medians(cases, ROUNDS)
    for name in PROPOSALS:
        limit = figures[f"crypto {name}"]
        yield Row("ike", f"main mode, {name}", "1/s", figures[f"engine {name}"], limit, target=LEAST_SHARE * limit)


def main_modes(proposal: IkeProposal) -> float:
    """Main modes a second between one device and its peers in one World."""
    world = World(now=0, seed="bench")
    network = Network(world)
    addresses = [IPv4Address("10.1.0.0") + number for number in range(EXCHANGES)]
    peers = [Peer(world, network, gateway(address, [LOCAL], proposal, demands=False)) for address in addresses]
    device = Device(world, network, gateway(LOCAL, addresses, proposal, demands=True), peers=peers)
    began = time.perf_counter()
    for peer in peers:
        peer.start()
    device.start()
    world.advance(5 * SECOND)
    seconds = time.perf_counter() - began
    established = device.ike_statistics.negotiations[Outcome.ESTABLISHED]
    if established != EXCHANGES:
        raise RuntimeError(f"{established} of {EXCHANGES} negotiations came to their end")
    return EXCHANGES / seconds


def gateway(address: IPv4Address, others: list[IPv4Address], proposal: IkeProposal, demands: bool) -> DeviceConfig:
    """A gateway with a policy for each of the others and, when it is the one that demands, a tunnel to each."""
    policies = tuple(IkePolicy(other, ExchangeMode.MAIN, (proposal,), b"secret") for other in others)
    tunnels = tuple(Tunnel(address, other) for other in others) if demands else ()
    return DeviceConfig(str(address), (address,), IkeConfig(policies), tunnels)


def cryptography_alone(proposal: IkeProposal) -> float:
    """Exchanges a second if there were nothing to do but the cryptography of both ends."""
    began = time.perf_counter()
    for number in range(EXCHANGES):
        one_exchange(proposal, number)
    return EXCHANGES / (time.perf_counter() - began)


def one_exchange(proposal: IkeProposal, number: int) -> None:
    """Both ends' public values and secret, keys, hashes, and the encryption of messages 5 and 6 (RFC 2409 sec. 5)."""
    prime = PRIMES[proposal.dh_group]
    octets = (prime.bit_length() + 7) // 8
    exponents = [int.from_bytes(hashlib.sha256(b"%d %d" % (number, end)).digest()) for end in range(2)]
    publics = [gmpy2.powmod(2, exponent, prime) for exponent in exponents]
    for end in range(2):
        secret = int(gmpy2.powmod(publics[1 - end], exponents[end], prime)).to_bytes(octets)
        key, iv = derive(proposal, secret, b"".join(int(public).to_bytes(octets) for public in publics))
        for length, is_mine in ((64, end == 0), (40, end == 1)):
            cipher = Cipher(TripleDES(key), CBC(iv))
            context = cipher.encryptor() if is_mine else cipher.decryptor()
            context.update(bytes(length))
            context.finalize()


def derive(proposal: IkeProposal, secret: bytes, publics: bytes) -> tuple[bytes, bytes]:
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
        return skeyid_e[:8] * 3, iv
    blocks = [hmac.digest(skeyid_e, b"\0", name)]
    blocks.append(hmac.digest(skeyid_e, blocks[0], name))
    return b"".join(blocks)[:24], iv
