"""The container's entry point: start the daemons, serve the API, and end when any of them ends.

Run as root with NET_ADMIN, in the image made from the Dockerfile beside this file.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from aiohttp import web

from offline.sandbox.internet.acme import tls
from offline.sandbox.internet.acme.pebble import Pebble
from offline.sandbox.internet.acme.server import Authority
from offline.sandbox.internet.alerts import Alerts
from offline.sandbox.internet.cloudflare.knot import PARENT, Knot, key_signing_key, knotc
from offline.sandbox.internet.cloudflare.server import WORKERS, build
from offline.sandbox.internet.health import accepts, answers_dns
from offline.sandbox.internet.packages import mirror
from offline.sandbox.internet.workers.edge import Edge
from offline.sandbox.internet.workers.runtime import Workerd
from offline.sandbox.world import (
    ACME_HOST,
    ALERTS,
    ALERTS_HOST,
    AUTHORITATIVE,
    AUTHORITY,
    BRIEF_HOST,
    EDGE,
    MIRROR,
    RELAY_HOST,
    RESOLVER,
)

SETTINGS = Path("/etc/sandbox")
RUN = Path("/run/sandbox")
KNOT_ZONES = Path("/var/lib/knot/zones")

API_PORT, REGISTRY_PORT, MIRROR_PORT = 8080, 80, 80
MIRROR_CONTROL_PORT = 8081
"""The mirror once more, on the address whose ports are published on loopback: for its faults."""
ACME_PORT, AUTHORITY_PORT, AUTHORITY_CONTROL_PORT = 443, 80, 8082
"""ACME; what to trust; and that and faults once more, on the address whose ports are published on loopback."""
ALERTS_PORT, ALERTS_CONTROL_PORT = 443, 8083
"""HTTPS for whoever tells of alarms; what was told, on the address whose ports are published on loopback."""
EDGE_TLS_PORT, EDGE_PORT = 443, 80
PEBBLE_PORT = 14000
"""The first of two ports for each, on loopback."""
LIFETIMES = {ACME_HOST: 90 * 86400, BRIEF_HOST: 3600}
"""Of the authorities' certificates, in seconds."""
PACKAGES = Path("/srv/debian")
BLOCK_LISTS = ("zen.spamhaus.org", "bl.spamcop.net", "b.barracudacentral.org", "dnsbl.sorbs.net")
START_LIMIT = 90.0  # seconds until a daemon must answer, however busy the machine is

TRUST_ANCHOR = RUN / "example.key"
"""What the resolver validates by; unbound.conf names it, too."""

DAEMONS = {
    "knot": ("knotd", "--config", str(SETTINGS / "knot.conf")),
    "unbound": ("unbound", "-d", "-p", "-c", str(SETTINGS / "unbound.conf")),
    "registry": ("docker-registry", "serve", str(SETTINGS / "registry.yml")),
}


def add_addresses() -> None:
    """Give the container its further addresses, on the interface that has the first."""
    shown = subprocess.run(["ip", "-json", "address"], check=True, capture_output=True, text=True).stdout
    interface = next(
        link["ifname"]
        for link in json.loads(shown)
        for address in link["addr_info"]
        if address.get("local") == AUTHORITATIVE.ipv4
    )
    present = {address.get("local") for link in json.loads(shown) for address in link["addr_info"]}
    # Without duplicate address detection (IPv6 only): the address must be usable at once.
    for ipv4, ipv6 in (RESOLVER, MIRROR, AUTHORITY, ALERTS, EDGE):
        for address in (f"{ipv4}/32", f"{ipv6}/128 nodad"):
            if address.split("/")[0] not in present:
                subprocess.run(["ip", "address", "add", "dev", interface, *address.split()], check=True)


def write_forwarding(resolv_conf: str) -> str:
    """Unbound's rule for names outside the sandbox: ask the machine's resolvers; without any, refuse at once."""
    words = [line.split() for line in resolv_conf.splitlines()]
    servers = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    if not servers:
        return 'server:\n    local-zone: "." refuse\n    local-zone: "example." transparent\n'
    return 'forward-zone:\n    name: "."\n' + "".join(f"    forward-addr: {server}\n" for server in servers)


def prepare_files() -> None:
    """Lay out what the daemons read and write. Zones changed by dynamic updates are kept over a restart."""
    for folder in (RUN, KNOT_ZONES, Path("/run/knot")):
        folder.mkdir(parents=True, exist_ok=True)
    (RUN / "forward.conf").write_text(write_forwarding(Path("/etc/resolv.conf").read_text()))
    zones = SETTINGS / "zones"
    sources = {file.name: file for file in zones.glob("*.zone") if file.name != "dnsbl.zone"}
    sources |= {f"{name}.zone": zones / "dnsbl.zone" for name in BLOCK_LISTS}
    for name, source in sources.items():
        if not (KNOT_ZONES / name).exists():
            shutil.copy(source, KNOT_ZONES / name)


async def start_daemons() -> dict[str, asyncio.subprocess.Process]:
    """Start Knot, and the others once it takes orders and has signed its zones; raises TimeoutError."""
    daemons = {"knot": await asyncio.create_subprocess_exec(*DAEMONS["knot"])}
    async with asyncio.timeout(START_LIMIT):
        while True:
            try:
                await knotc("status")
                key = await key_signing_key(PARENT)
                break
            except OSError:
                await asyncio.sleep(0.05)
    TRUST_ANCHOR.write_text(f"{PARENT}. DNSKEY {key.to_text()}\n")
    for name in DAEMONS.keys() - daemons.keys():
        daemons[name] = await asyncio.create_subprocess_exec(*DAEMONS[name])
    return daemons


async def forget() -> None:
    """Empty the resolver's cache; raises OSError."""
    settings = str(SETTINGS / "unbound.conf")
    process = await asyncio.create_subprocess_exec(
        *("unbound-control", "-c", settings, "flush_zone", "."), stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise OSError("unbound-control flush_zone failed")


async def serve() -> int:
    """Run everything until a daemon ends or the container is stopped; the exit code."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    daemons = await start_daemons()
    own = tls.make(SETTINGS / "authority.cnf", RUN)
    pebbles = {
        name: Pebble(name, PEBBLE_PORT + 2 * number, lifetime, RUN, own)
        for number, (name, lifetime) in enumerate(LIFETIMES.items())
    }
    await asyncio.gather(*(pebble.start() for pebble in pebbles.values()))
    authority = Authority(pebbles, own.authority.read_text(), {RELAY_HOST: own.issue(RELAY_HOST).pem()})

    checks = [answers_dns(address) for address in (*AUTHORITATIVE, *RESOLVER)]
    checks += [accepts(AUTHORITATIVE.ipv4, REGISTRY_PORT), accepts(EDGE.ipv4, EDGE_PORT), authority.check]
    cloudflare = build(Knot(KNOT_ZONES), checks, forget, Workerd(RUN / "workers"))
    edge = Edge(cloudflare[WORKERS], own)
    api, packages = web.AppRunner(cloudflare), web.AppRunner(mirror(PACKAGES))
    acme, control = web.AppRunner(authority.acme()), web.AppRunner(authority.control())
    front = web.AppRunner(edge.application())
    alerts = Alerts()
    told, heard = web.AppRunner(alerts.application()), web.AppRunner(alerts.control())
    runners = (api, packages, acme, control, front, told, heard)
    for runner in runners:
        await runner.setup()
    for address in MIRROR:
        await web.TCPSite(packages, address, MIRROR_PORT).start()
    await web.TCPSite(packages, port=MIRROR_CONTROL_PORT).start()
    for address in AUTHORITY:
        await web.TCPSite(acme, address, ACME_PORT, ssl_context=own.context()).start()
        await web.TCPSite(control, address, AUTHORITY_PORT).start()
    await web.TCPSite(control, port=AUTHORITY_CONTROL_PORT).start()
    for address in ALERTS:
        await web.TCPSite(told, address, ALERTS_PORT, ssl_context=own.issue(ALERTS_HOST).context()).start()
    await web.TCPSite(heard, port=ALERTS_CONTROL_PORT).start()
    for address in EDGE:
        await web.TCPSite(front, address, EDGE_TLS_PORT, ssl_context=edge.context()).start()
        await web.TCPSite(front, address, EDGE_PORT).start()
    await web.TCPSite(api, port=API_PORT).start()
    print(f"Cloudflare API on port {API_PORT}", flush=True)

    ends = {asyncio.create_task(daemon.wait(), name=name) for name, daemon in daemons.items()}
    ends |= {asyncio.create_task(pebble.ended(), name=name) for name, pebble in pebbles.items()}
    stop = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({*ends, stop}, return_when=asyncio.FIRST_COMPLETED)
    for task in done - {stop}:
        print(f"{task.get_name()} ended with exit code {task.result()}", file=sys.stderr, flush=True)
    for runner in runners:
        await runner.cleanup()
    for pebble in pebbles.values():
        await pebble.stop()
    for daemon in daemons.values():
        if daemon.returncode is None:
            daemon.terminate()
    await asyncio.wait(ends)
    return 0 if stop in done else 1


if __name__ == "__main__":
    add_addresses()
    prepare_files()
    sys.exit(asyncio.run(serve()))
