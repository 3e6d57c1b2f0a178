"""What a configuration as a whole may not be, with a message for each."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from agent.core.config import (
    DeviceConfig,
    DynamicSa,
    EncryptionAlgorithm,
    EsInterface,
    IkeConfig,
    InterfaceFamily,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProposal,
    IpsecProtocol,
    ManualAuthentication,
    ManualDirection,
    ManualEncryption,
    ManualKeys,
    ManualSa,
    SaMode,
    SecurityAssociationConfig,
    TrafficIdentity,
    Unit,
    UnitTunnel,
    check,
)
from tests.support.devices import ESP, FAR, LOCAL, NEAR, device_config, dynamic_sa, unit
from tests.support.gateways import policy

MD5 = ManualAuthentication(IpsecAuthentication.HMAC_MD5_96, b"sixteen octets..")
SHA1 = ManualAuthentication(IpsecAuthentication.HMAC_SHA1_96, b"twenty octets are it")
DES = ManualEncryption(EncryptionAlgorithm.DES_CBC, b"8 octets")
TRIPLE = ManualEncryption(EncryptionAlgorithm.TRIPLE_DES_CBC, b"twenty-four octets of it")

BOTH = ManualKeys(ManualDirection.BIDIRECTIONAL, IpsecProtocol.ESP, 1000, None, MD5, DES)
INBOUND = replace(BOTH, direction=ManualDirection.INBOUND)
OUTBOUND = replace(BOTH, direction=ManualDirection.OUTBOUND)
GOOD = device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))


def manual(*keys: ManualKeys, name: str = "manual", mode: SaMode = SaMode.TUNNEL) -> SecurityAssociationConfig:
    return SecurityAssociationConfig(name, mode, ManualSa(keys))


def only(*associations: SecurityAssociationConfig) -> DeviceConfig:
    return DeviceConfig("r1", (LOCAL,), security_associations=associations)


def with_units(*units: Unit, config: DeviceConfig = GOOD) -> DeviceConfig:
    return replace(config, interfaces=(EsInterface("es-1/3/0", units=units),))


def with_proposal(proposal: IpsecProposal) -> DeviceConfig:
    return device_config(policy(NEAR), ipsec=IpsecPolicy("p", (proposal,)))


def changed(**changes: object) -> SecurityAssociationConfig:
    """Return a dynamic security association with other parameters."""
    association = dynamic_sa(LOCAL, NEAR)
    assert isinstance(association.keying, DynamicSa)
    return replace(association, keying=replace(association.keying, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [
        GOOD,
        DeviceConfig("r1", ()),
        only(manual(BOTH)),
        only(manual(INBOUND, OUTBOUND), manual(replace(BOTH, spi=1001), name="other", mode=SaMode.TRANSPORT)),
        only(manual(OUTBOUND, INBOUND)),
        only(manual(replace(BOTH, encryption=None))),
        only(manual(replace(BOTH, authentication=None, encryption=TRIPLE))),
        only(manual(replace(BOTH, protocol=IpsecProtocol.AH, encryption=None, authentication=SHA1))),
        only(manual(replace(BOTH, protocol=IpsecProtocol.BUNDLE, auxiliary_spi=1000))),
        with_proposal(replace(ESP, encryption_algorithm=None)),
        # Of one unit both families may name it, and one that nobody names needs no policy.
        with_units(replace(unit(0, f"to-{NEAR}", LOCAL, NEAR), inet6=InterfaceFamily(True, f"to-{NEAR}"))),
        only(dynamic_sa(LOCAL, NEAR)),
        # The same SPI serves for two protocols.
        only(manual(BOTH), manual(replace(BOTH, protocol=IpsecProtocol.AH, encryption=None), name="ah")),
    ],
)
def test_what_makes_sense_is_taken(config: DeviceConfig) -> None:
    check(config)


REFUSED: list[tuple[str, DeviceConfig, str]] = [
    ("one name twice", only(manual(BOTH), manual(BOTH)), "two security associations have one name"),
    (
        "dynamic in transport mode",
        only(replace(dynamic_sa(LOCAL, NEAR), mode=SaMode.TRANSPORT)),
        r"security association to-4\.4\.4\.4: a dynamic one has tunnel mode only",
    ),
    ("replay window", only(changed(replay_window_size=16)), "a replay window of 16 packets"),
    ("no proposal", only(changed(policy=IpsecPolicy("empty", ()))), "policy empty has no proposal"),
    (
        "two families",
        only(changed(remote_identity=TrafficIdentity(ip_network("2001:db8::/32")))),
        "its identities are of two families",
    ),
    ("inbound alone", only(manual(INBOUND)), "needs the inbound and the outbound direction"),
    ("inbound twice", only(manual(INBOUND, INBOUND)), "needs the inbound and the outbound direction"),
    ("bidirectional and more", only(manual(BOTH, INBOUND)), "or the bidirectional one alone"),
    ("no direction", only(manual()), "needs the inbound and the outbound direction"),
    (
        "no algorithm",
        only(manual(replace(BOTH, authentication=None, encryption=None))),
        "security association manual, bidirectional: neither authentication nor encryption",
    ),
    ("AH that encrypts", only(manual(replace(BOTH, protocol=IpsecProtocol.AH))), "AH does not encrypt"),
    (
        "AH that does not authenticate",
        only(manual(replace(BOTH, protocol=IpsecProtocol.AH, authentication=None))),
        "AH needs authentication",
    ),
    (
        "a bundle without encryption",
        only(manual(replace(BOTH, protocol=IpsecProtocol.BUNDLE, encryption=None, auxiliary_spi=2000))),
        "a bundle needs encryption",
    ),
    ("a bundle without AUX-SPI", only(manual(replace(BOTH, protocol=IpsecProtocol.BUNDLE))), "has an auxiliary SPI"),
    ("an AUX-SPI without bundle", only(manual(replace(BOTH, auxiliary_spi=2000))), "nothing else has"),
    ("a reserved SPI", only(manual(replace(BOTH, spi=255))), "SPI 255 is not one of 256 to 4294967295"),
    ("an SPI too large", only(manual(replace(BOTH, spi=2**32))), "SPI 4294967296 is not one of"),
    (
        "a short DES key",
        only(manual(replace(BOTH, encryption=replace(DES, key=b"7 octet")))),
        "the encryption key has 7 octets instead of 8",
    ),
    (
        "a DES key for 3DES",
        only(manual(replace(BOTH, encryption=replace(TRIPLE, key=DES.key)))),
        "the encryption key has 8 octets instead of 24",
    ),
    (
        "a SHA-1 key for MD5",
        only(manual(replace(BOTH, authentication=replace(MD5, key=SHA1.key)))),
        "the authentication key has 20 octets instead of 16",
    ),
    (
        "an MD5 key for SHA-1",
        only(manual(replace(BOTH, authentication=replace(SHA1, key=MD5.key)))),
        "the authentication key has 16 octets instead of 20",
    ),
    (
        "one inbound SPI twice",
        only(manual(BOTH), manual(replace(BOTH), name="other")),
        "security associations manual and other have the inbound SPI 1000",
    ),
    ("a dangling name", with_units(unit(0, "nobody", LOCAL, NEAR)), r"es-1/3/0\.0: there is no security association"),
    (
        "two units",
        with_units(unit(0, f"to-{NEAR}", LOCAL, NEAR), unit(1, f"to-{NEAR}", LOCAL, NEAR)),
        r"security association to-4\.4\.4\.4 is named by es-1/3/0\.0 and by es-1/3/0\.1",
    ),
    (
        "no tunnel",
        with_units(replace(unit(0, f"to-{NEAR}", LOCAL, NEAR), tunnel=None)),
        r"es-1/3/0\.0: names security association to-4\.4\.4\.4, but has no tunnel",
    ),
    (
        "transport mode at a unit",
        with_units(unit(0, "manual", LOCAL, NEAR), config=only(manual(BOTH, mode=SaMode.TRANSPORT))),
        "security association manual has transport mode and belongs to no unit",
    ),
    ("no policy", replace(GOOD, ike=IkeConfig((policy(FAR),))), r"there is no IKE policy for 4\.4\.4\.4"),
    (
        "no policy for the backup",
        with_units(
            replace(unit(0, f"to-{NEAR}", LOCAL, NEAR), tunnel=UnitTunnel(LOCAL, NEAR, ip_address("192.0.2.9")))
        ),
        r"there is no IKE policy for 192\.0\.2\.9",
    ),
    (
        "ESP of nothing",
        with_proposal(replace(ESP, encryption_algorithm=None, authentication_algorithm=None)),
        "neither",
    ),
    ("AH with DES", with_proposal(replace(ESP, protocol=IpsecProtocol.AH)), "proposal 3des-md5: AH does not encrypt"),
    (
        "a bundle of one",
        with_proposal(replace(ESP, protocol=IpsecProtocol.BUNDLE, encryption_algorithm=None)),
        "a bundle needs encryption",
    ),
]


@pytest.mark.parametrize(("config", "message"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_what_makes_no_sense_is_refused_with_the_reason(config: DeviceConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(config)


def test_a_manual_tunnel_needs_no_ike_policy() -> None:
    config = with_units(unit(0, "manual", LOCAL, NEAR), config=only(manual(BOTH)))
    check(config)
    assert config.ike.policies == ()


def test_no_configured_key_is_in_a_representation() -> None:
    assert "sixteen octets" not in repr(manual(BOTH))
    assert "8 octets" not in repr(manual(BOTH))
