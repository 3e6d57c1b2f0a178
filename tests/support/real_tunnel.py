"""A device with one tunnel to a peer that is not emulated, as a scenario that the program or a test can serve.

Algorithms are named as strongSwan does: 3des-md5-modp1024 in phase 1, null-sha1 or des-md5-modp768 in phase 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.charon import NAT_PORT, PORT

CIPHERS = {"3des": "3des-cbc", "des": "des-cbc"}
GROUPS = {"modp768": "group1", "modp1024": "group2"}


@dataclass(frozen=True)
class RealTunnel:
    """What the device is configured with; `is_bound` says whether an interface names the security association."""

    mode: str = "main"
    proposal: str = "3des-md5-modp1024"
    esp_proposal: str = "3des-md5"
    secret: str = "between-us"
    local: str = "127.0.0.1"
    remote: str = "127.0.0.2"
    remote_port: int = PORT
    remote_nat_port: int = NAT_PORT
    local_prefix: str = "10.78.1.0/24"
    remote_prefix: str = "10.78.2.0/24"
    is_bound: bool = True
    esp_lifetime_seconds: int = 28_800
    probes_dead_peers: bool = False

    def write(self, folder: Path) -> Path:
        """Write the scenario and its configuration into a folder, and return the scenario's file."""
        (folder / "lab.xml").write_text(self.configuration())
        (folder / "lab.yaml").write_text(_SCENARIO.format(address=self.local))
        return folder / "lab.yaml"

    def configuration(self) -> str:
        """Return the device's configuration."""
        cipher, digest, group = self.proposal.split("-")
        return f"""\
<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">
  <ike xmlns="urn:ipsec-agent:ike">
    <proposal>
      <name>phase1</name>
      <authentication-method>pre-shared-keys</authentication-method>
      <authentication-algorithm>{digest}</authentication-algorithm>
      <encryption-algorithm>{CIPHERS[cipher]}</encryption-algorithm>
      <dh-group>{GROUPS[group]}</dh-group>
    </proposal>
    <policy>
      <peer-address>{self.remote}</peer-address>
      <mode>{self.mode}</mode>
      <proposal>phase1</proposal>
      <pre-shared-key><ascii-text>{self.secret}</ascii-text></pre-shared-key>
      <remote-port>{self.remote_port}</remote-port>
      <remote-nat-port>{self.remote_nat_port}</remote-nat-port>
      {"<dead-peer-detection/>" if self.probes_dead_peers else ""}
    </policy>
  </ike>
  {self._ipsec()}
  {self._interface() if self.is_bound else ""}
</config>
"""

    def _ipsec(self) -> str:
        cipher, digest, *groups = self.esp_proposal.split("-")
        encryption = f"<encryption-algorithm>{CIPHERS[cipher]}</encryption-algorithm>" if cipher != "null" else ""
        secrecy = "".join(f"<perfect-forward-secrecy>{GROUPS[each]}</perfect-forward-secrecy>" for each in groups)
        return f"""\
<ipsec xmlns="urn:ipsec-agent:ipsec">
    <proposal>
      <name>phase2</name>
      <protocol>esp</protocol>
      <authentication-algorithm>hmac-{digest}-96</authentication-algorithm>
      {encryption}
      <lifetime-seconds>{self.esp_lifetime_seconds}</lifetime-seconds>
    </proposal>
    <policy>
      <name>phase2</name>
      <proposal>phase2</proposal>
      {secrecy}
    </policy>
    <security-association>
      <name>real</name>
      <dynamic>
        <ipsec-policy>phase2</ipsec-policy>
        <local-identity><prefix>{self.local_prefix}</prefix></local-identity>
        <remote-identity><prefix>{self.remote_prefix}</prefix></remote-identity>
      </dynamic>
    </security-association>
  </ipsec>"""

    def _interface(self) -> str:
        return f"""\
<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces">
    <interface>
      <name>es-1/3/0</name>
      <type xmlns:esif="urn:ipsec-agent:interfaces">esif:es-pic</type>
      <unit xmlns="urn:ipsec-agent:interfaces">
        <id>0</id>
        <family-inet><ipsec-sa>real</ipsec-sa></family-inet>
        <tunnel><source>{self.local}</source><destination>{self.remote}</destination></tunnel>
      </unit>
    </interface>
  </interfaces>"""


_SCENARIO = """\
name: lab
description: A gateway with a tunnel to a peer that is not emulated
start: 2024-01-01T00:00:00Z
seed: lab
device:
  name: lab
  addresses: ["{address}"]
  configuration: lab.xml
peers: []
certificates: []
users: {{admin: admin}}
"""
