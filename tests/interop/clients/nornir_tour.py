"""Asks every host of an inventory, as Nornir reads it, for its IKE SAs by NETCONF; prints what came as JSON."""

import json
import re
import sys

from nornir import InitNornir
from nornir_netconf.plugins.tasks import netconf_get

told = json.load(sys.stdin)
nowhere = "/nonexistent"
inventory = {"host_file": told["hosts"], "group_file": nowhere, "defaults_file": nowhere}
hosts = InitNornir(
    runner={"plugin": "threaded", "options": {"num_workers": 2}},
    inventory={"plugin": "SimpleInventory", "options": inventory},
    logging={"enabled": False},
)
results = hosts.run(netconf_get, filter_type="subtree", path='<ike xmlns="urn:ipsec-agent:ike"/>')
if results.failed:
    sys.exit(str({name: result[0].exception for name, result in results.items()}))
print(
    json.dumps(
        {name: re.findall(r"<initiator-cookie>(\w+)<", str(result[0].result)) for name, result in results.items()}
    )
)
