"""A configuration of tunnels in XML: a dynamic and a manual security association, each at a unit of its own."""

from __future__ import annotations

LOCAL, REMOTE, BACKUP = "192.0.2.1", "198.51.100.2", "203.0.113.3"

IKE = f"""<ike xmlns="urn:ipsec-agent:ike">
<proposal><name>p</name><authentication-algorithm>md5</authentication-algorithm>
<encryption-algorithm>des-cbc</encryption-algorithm><dh-group>group1</dh-group></proposal>
<policy><peer-address>{REMOTE}</peer-address><proposal>p</proposal>
<pre-shared-key><ascii-text>a secret</ascii-text></pre-shared-key></policy></ike>"""

PROPOSAL = """<proposal><name>strong</name><protocol>esp</protocol>
<authentication-algorithm>hmac-sha1-96</authentication-algorithm>
<encryption-algorithm>3des-cbc</encryption-algorithm></proposal>"""
POLICY = "<policy><name>any</name><proposal>strong</proposal></policy>"
DYNAMIC = """<security-association><name>dynamic</name>
<dynamic><ipsec-policy>any</ipsec-policy></dynamic></security-association>"""


def key(text: str) -> str:
    """Return a key given as text."""
    return f"<key><ascii-text>{text}</ascii-text></key>"


AUTHENTICATION = f"<authentication><algorithm>hmac-md5-96</algorithm>{key('sixteen octets..')}</authentication>"
ENCRYPTION = f"<encryption><algorithm>des-cbc</algorithm>{key('8 octets')}</encryption>"


def direction(name: str, spi: int, content: str = AUTHENTICATION, protocol: str = "esp") -> str:
    """Return the parameters of one direction of a manual security association."""
    return (
        f"<direction><direction>{name}</direction><protocol>{protocol}</protocol><spi>{spi}</spi>{content}</direction>"
    )


INBOUND, OUTBOUND = direction("inbound", 1000), direction("outbound", 2000)
MANUAL = f"""<security-association><name>manual</name><manual>
{INBOUND}{OUTBOUND}</manual></security-association>"""
IPSEC = f'<ipsec xmlns="urn:ipsec-agent:ipsec">{PROPOSAL}{POLICY}{DYNAMIC}{MANUAL}</ipsec>'


def unit(number: int, association: str, source: str = LOCAL, destination: str = REMOTE) -> str:
    """Return a unit with a tunnel, whose IPv4 a security association protects."""
    return f"""<unit xmlns="urn:ipsec-agent:interfaces"><id>{number}</id>
<family-inet><ipsec-sa>{association}</ipsec-sa></family-inet>
<tunnel><source>{source}</source><destination>{destination}</destination></tunnel></unit>"""


def interface(name: str, content: str) -> str:
    """Return an encryption services PIC."""
    return f"""<interface><name>{name}</name>
<type xmlns:esif="urn:ipsec-agent:interfaces">esif:es-pic</type>{content}</interface>"""


def interfaces(*entries: str) -> str:
    """Return the interfaces of a gateway."""
    return f'<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces">{"".join(entries)}</interfaces>'


ES_0 = interface("es-0/0/0", unit(0, "dynamic") + unit(1, "manual"))
TUNNELS = f"{IKE}{IPSEC}{interfaces(ES_0)}"
"""All of it."""


def tunnels(*replaced: tuple[str, str]) -> str:
    """Return the configuration with some parts replaced, each of which is there once at least."""
    xml = TUNNELS
    for old, new in replaced:
        assert old in xml, old
        xml = xml.replace(old, new)
    return xml
