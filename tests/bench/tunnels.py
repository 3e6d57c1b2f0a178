"""Many tunnels: one looked up, one leaf edited beside them.

The limits: a canned reply of the same size for what is read, libyang's judgement of the same configuration for an edit.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.app.gateway import load_registry
from tests.bench.netconf_client import NetconfClient
from tests.bench.processes import Server, scenario_arguments, serving
from tests.bench.rows import Row, medians

ROUNDS = 5
MANY = 10_000
LOOK_UPS = 300
IPSEC = "urn:ipsec-agent:ipsec"
ONE = (
    f'<get><filter type="subtree"><ipsec xmlns="{IPSEC}"><security-association><name>sa-{MANY // 2}</name>'
    "</security-association></ipsec></filter></get>"
).encode()
SCENARIO = """name: bench
description: Many manual tunnels
start: 2026-01-01T00:00:00Z
seed: bench
device:
  name: bench
  addresses: [192.0.2.1]
  configuration: bench.xml
users:
  admin: admin
"""
ASSOCIATION = (
    "<security-association><name>sa-{number}</name><manual><direction><direction>bidirectional</direction>"
    "<protocol>esp</protocol><spi>{spi}</spi><authentication><algorithm>hmac-md5-96</algorithm>"
    "<key><ascii-text>0123456789abcdef</ascii-text></key></authentication></direction></manual></security-association>"
)
UNIT = (
    '<unit xmlns="urn:ipsec-agent:interfaces"><id>{number}</id>'
    "<family-inet><ipsec-sa>sa-{number}</ipsec-sa></family-inet>"
    "<tunnel><source>192.0.2.1</source><destination>198.51.100.1</destination></tunnel></unit>"
)
EDIT = (
    "<edit-config><target><running/></target><config>"
    '<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>es-0/0/0</name>'
    "<description>{text}</description></interface></interfaces></config></edit-config>"
)


def configuration(count: int) -> str:
    """Return a configuration of manual security associations, each at a unit of its own."""
    associations = "".join(ASSOCIATION.format(number=number, spi=1000 + number) for number in range(count))
    units = "".join(UNIT.format(number=number) for number in range(count))
    return (
        f'<config><ipsec xmlns="{IPSEC}">{associations}</ipsec>'
        '<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>es-0/0/0</name>'
        f'<type xmlns:esif="urn:ipsec-agent:interfaces">esif:es-pic</type>{units}</interface></interfaces>'
        '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><enable-nacm>false</enable-nacm></nacm></config>'
    )


def tunnels() -> Iterator[Row]:
    """Look-ups and edits, over SSH."""
    xml = configuration(MANY).removeprefix("<config>").removesuffix("</config>").encode()
    schema = load_registry().schema
    with tempfile.TemporaryDirectory() as folder, serving(*_arguments(Path(folder) / "device")) as device:
        size = len(asyncio.run(_one_reply(device, ONE)))
        with serving("-m", "tests.bench.canned", str(size)) as canned:
            figures = medians(
                {
                    "device look-up": lambda: asyncio.run(_rate(device, ONE)),
                    "canned look-up": lambda: asyncio.run(_rate(canned, ONE)),
                    "device edit": lambda: 1 / asyncio.run(_seconds(device, _edit())),
                    "libyang": lambda: 1 / _timed(lambda: schema.validate(xml)),
                },
                ROUNDS,
            )
    yield Row("tunnels", f"one of {MANY} by key", "1/s", figures["device look-up"], figures["canned look-up"])
    yield Row("tunnels", f"one-leaf edit, {MANY} tunnels present", "1/s", figures["device edit"], figures["libyang"])


def _arguments(folder: Path) -> list[str]:
    folder.mkdir()
    (folder / "bench.yaml").write_text(SCENARIO)
    (folder / "bench.xml").write_text(configuration(MANY))
    return scenario_arguments(str(folder / "bench.yaml"), folder / "state")


def _edit() -> bytes:
    return EDIT.format(text=time.perf_counter_ns()).encode()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def _one_reply(server: Server, operation: bytes) -> bytes:
    client = await NetconfClient.open(server.port)
    reply = await client.exchange(operation)
    await client.close()
    if b"<security-association>" not in reply or b"rpc-error" in reply:
        raise RuntimeError(f"not the reply that is measured: {reply[:500]!r}")
    return reply


async def _seconds(server: Server, operation: bytes) -> float:
    """Seconds for one exchange, over a session that is open."""
    client = await NetconfClient.open(server.port)
    began = time.perf_counter()
    reply = await client.exchange(operation)
    seconds = time.perf_counter() - began
    await client.close()
    if b"rpc-error" in reply:
        raise RuntimeError(f"refused: {reply[:500]!r}")
    return seconds


async def _rate(server: Server, operation: bytes) -> float:
    client = await NetconfClient.open(server.port)
    await client.exchange(operation)
    began = time.perf_counter()
    for _ in range(LOOK_UPS):
        await client.exchange(operation)
    seconds = time.perf_counter() - began
    await client.close()
    return LOOK_UPS / seconds
