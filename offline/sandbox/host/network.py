"""The sandbox's Docker network."""

import json

from offline.sandbox.host import addresses
from offline.sandbox.host.parts import NETWORK
from offline.sandbox.host.shell import HostError, run, say, succeeds
from offline.sandbox.world import GATEWAY, IPV4_NETWORK, IPV4_PARTS, IPV6_NETWORK


def ensure() -> None:
    """Make the network unless it is there; raises HostError when its addresses are in use on this machine."""
    if succeeds("docker", "network", "inspect", NETWORK):
        _require_ours()
        return
    found = addresses.clashes_here((IPV4_NETWORK, IPV6_NETWORK))
    if found:
        raise HostError("the sandbox's addresses are not free on this machine:\n  " + "\n  ".join(found))
    say(f"making the network {IPV4_NETWORK}, {IPV6_NETWORK}")
    run(
        *("docker", "network", "create", "--ipv6"),
        *("--subnet", IPV4_NETWORK, "--ip-range", IPV4_PARTS, "--gateway", GATEWAY.ipv4),
        *("--subnet", IPV6_NETWORK, "--gateway", GATEWAY.ipv6),
        NETWORK,
    )


def _require_ours() -> None:
    configuration = json.loads(run("docker", "network", "inspect", "--format", "{{json .IPAM.Config}}", NETWORK))
    subnets = {entry["Subnet"] for entry in configuration}
    if subnets != {IPV4_NETWORK, IPV6_NETWORK}:
        raise HostError(
            f"the Docker network '{NETWORK}' has other subnets ({', '.join(sorted(subnets))}): "
            "take it away with 'python3 -m offline.sandbox down' first"
        )


def remove() -> bool:
    """Remove the network; whether it was there."""
    return succeeds("docker", "network", "inspect", NETWORK) and bool(run("docker", "network", "rm", NETWORK))
