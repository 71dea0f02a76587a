"""The sandbox's clouds as their owners see them: official clients, DNS over the wire, and two places to look from."""

import contextlib
import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import cloudflare
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.reversename
import hcloud

from offline.sandbox import world
from offline.sandbox.host import deliveries
from offline.sandbox.internet.cloudflare.zones import ACCOUNT

T = TypeVar("T")

ANSWER = 60
"""Seconds within which the sandbox answers, however busy the machine is."""
TRIES = 6
"""Of a question by UDP, five seconds each."""

HETZNER, CLOUDFLARE, MIRROR = world.HETZNER, world.CLOUDFLARE, world.PACKAGES
"""The servers' package mirror: a fault with status 404 is one that apt-get does not try again."""
AUTHORITY = world.AUTHORITY_CONTROL
"""The certificate authorities: a fault with status 429 is their rate limit."""
BOXES = world.BOXES_CONTROL
"""The Storage Boxes: a fault here fails an action of Hetzner's API; `box_trouble` is for who uses a box."""
ALERTS = world.ALERTS_CONTROL
RELAY = world.RELAY_CONTROL
RESOLVER, AUTHORITATIVE = world.RESOLVER.ipv4, world.AUTHORITATIVE
"""What the world asks, and remembers answers; and what it asks in turn."""
OUTSIDE = "poste-mail-provider"
"""A host of the sandbox that is in no administrators' network."""

# Run where the ports are looked at from: prints which of them accept a connection.
PROBE = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
address, ports = sys.argv[1], json.loads(sys.argv[2])
def accepts(port):
    try:
        socket.create_connection((address, port), timeout=2).close()
        return True
    except OSError:
        return False
with ThreadPoolExecutor(40) as pool:
    print(json.dumps([port for port, yes in zip(ports, pool.map(accepts, ports)) if yes]))
"""

# The same for a page: prints its status and where it redirects to.
PAGE = """
import http.client, json, ssl, sys
from urllib.parse import urlsplit
context = ssl._create_unverified_context()
connection = http.client.HTTPSConnection(sys.argv[1], timeout=10, context=context)
connection.request("GET", sys.argv[2])
answer = connection.getresponse()
print(json.dumps([answer.status, urlsplit(answer.getheader("Location", "")).path]))
"""


def hetzner() -> hcloud.Client:
    """The official client of Hetzner Cloud."""
    token, api = "sandbox-hcloud-token-".ljust(64, "x"), f"{HETZNER}/v1"
    return hcloud.Client(token=token, api_endpoint=api, api_endpoint_hetzner=api, poll_interval=0.2)


def cloudflare_dns() -> cloudflare.Cloudflare:
    """The official client of Cloudflare."""
    token = "sandbox-cloudflare-token-".ljust(40, "x")
    return cloudflare.Cloudflare(api_token=token, base_url=f"{CLOUDFLARE}/client/v4")


def zone_id(name: str) -> str:
    """The identifier of a zone."""
    with cloudflare_dns() as client:
        (zone,) = client.zones.list(name=name)
        return str(zone.id)


def zone_records(name: str) -> set[tuple[str, str, str]]:
    """Name, type and content of all records of a zone."""
    with cloudflare_dns() as client:
        found = client.dns.records.list(zone_id=zone_id(name))
        return {(str(record.name), str(record.type), str(record.content)) for record in found}


def ask(name: str, kind: str, server: str = AUTHORITATIVE[0]) -> set[str]:
    """What the authoritative server answers, over the wire."""
    answer = _answer(dns.message.make_query(name, kind), server)
    wanted = dns.rdatatype.from_text(kind)
    return {item.to_text() for rrset in answer.answer if rrset.rdtype == wanted for item in rrset}


def _answer(query: dns.message.Message, server: str) -> dns.message.Message:
    """As every resolver, ask again where there is no answer; raises Timeout when there is none at all."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(dns.exception.Timeout):
            return dns.query.udp_with_fallback(query, server, timeout=5)[0]
    return dns.query.udp_with_fallback(query, server, timeout=5)[0]


def pointers(address: str) -> set[str]:
    """The PTR records of an address."""
    return ask(dns.reversename.from_address(address).to_text(), "PTR")


def open_ports(address: str, ports: list[int], *, outside: bool) -> list[int]:
    """Which ports accept a connection, from the administrators' network or from outside of it."""
    command = ["python3", "-c", PROBE, address, json.dumps(ports)]
    if outside:
        command = ["docker", "exec", OUTSIDE, *command]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found: list[int] = json.loads(done.stdout)
    return found


def eventually(look: Callable[[], T], seconds: float) -> T:
    """The first answer that is one, from something that takes its time to come up."""
    deadline = time.monotonic() + seconds
    while True:
        problem = None
        try:
            if answer := look():
                return answer
        except AssertionError as error:
            problem = error
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing within {seconds} s") from problem
        time.sleep(0.5)


def until_open(address: str, asked: list[int], expected: set[int]) -> None:
    """Of these ports just the expected ones are open to a stranger, as soon as all services are up again."""
    eventually(lambda: set(open_ports(address, asked, outside=True)) == expected, 120)


def page_from_outside(address: str, path: str) -> tuple[int, str]:
    """Status and redirect of a page, as a stranger gets it."""
    command = ["docker", "exec", OUTSIDE, "python3", "-c", PAGE, address, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    status, location = json.loads(done.stdout)
    return int(status), str(location)


def held_back() -> dict[str, str]:
    """What the other provider could not deliver yet, by recipient: why."""
    done = subprocess.run(["docker", "exec", OUTSIDE, "postqueue", "-j"], capture_output=True, check=True, timeout=60)
    recipients = [entry for line in done.stdout.splitlines() for entry in json.loads(line)["recipients"]]
    return {entry["address"]: entry.get("delay_reason", "") for entry in recipients}


def protections(recipient: str) -> list[str]:
    """How the other provider knew the server that took each of its mails to this recipient, in Postfix's words.

    `Verified` as DANE or MTA-STS asks; `Trusted` or `Untrusted` where nothing was asked; "" in clear. The last is last.
    """
    done = subprocess.run(["docker", "logs", OUTSIDE], capture_output=True, text=True, check=True, timeout=60)
    lines = (done.stdout + done.stderr).splitlines()
    # Each delivery has a process of its own.
    sent = re.compile(rf"postfix/smtp\[(\d+)\]: \w+: to=<{re.escape(recipient)}>.* status=sent ")
    shown = re.compile(r"postfix/smtp\[(\d+)\]: (\w+) TLS connection established to ")
    levels: dict[str, str] = {}
    told = []
    for line in lines:
        if found := shown.search(line):
            levels[found[1]] = found[2]
        elif found := sent.search(line):
            told.append(levels.pop(found[1], ""))
    return told


def try_again() -> None:
    """Let the other provider try to deliver what it holds, at once; by itself it does so within a minute."""
    subprocess.run(["docker", "exec", OUTSIDE, "postqueue", "-f"], check=True, timeout=60)


def throw_away_held_back() -> None:
    """Let the other provider delete what it could not deliver, without a word to the sender."""
    command = ["docker", "exec", OUTSIDE, "postsuper", "-d", "ALL"]
    subprocess.run(command, capture_output=True, check=True, timeout=60)


def forget_policies() -> None:
    """Let the other provider forget which MTA-STS policies it has seen; it keeps each for its max_age."""
    command = ["docker", "exec", OUTSIDE, "forget-policies"]
    subprocess.run(command, capture_output=True, check=True, timeout=60)


def add_zone(name: str) -> None:
    """An empty zone of that name, which nobody has asked about before."""
    _post(f"{CLOUDFLARE}/_sandbox/zones", {"name": name})
    forget_answers()


def forget_answers() -> None:
    """Empty the resolver's cache: it keeps old answers, and that there was none, for their time to live."""
    _post(f"{CLOUDFLARE}/_sandbox/forget", {})


def sign(zone: str) -> str:
    """Switch DNSSEC on; the right side of the DS record that the registrar is to be told."""
    with cloudflare_dns() as client:
        made = client.dns.dnssec.edit(zone_id=zone_id(zone), status="active")
        assert made is not None
        return str(made.ds).partition(" DS ")[2]


def tell_registrar(zone: str, ds: str | None) -> None:
    """Let the zone's parent have this DS record (its right side), which may be a wrong one, or none."""
    _post(f"{CLOUDFLARE}/_sandbox/registrar", {"zone": zone, "ds": ds})
    forget_answers()


def validated(name: str, kind: str) -> tuple[str, bool]:
    """What the resolver answers: the response code, and whether it vouches for the answer (the AD bit, RFC 4035)."""
    answer = _answer(dns.message.make_query(name, kind, want_dnssec=True), RESOLVER)
    return dns.rcode.to_text(answer.rcode()), bool(answer.flags & dns.flags.AD)


@contextlib.contextmanager
def no_right_to_workers() -> Iterator[None]:
    """The token at Cloudflare may make no Workers for a while."""
    _post(f"{CLOUDFLARE}/_sandbox/token", {"workers": False})
    try:
        yield
    finally:
        _post(f"{CLOUDFLARE}/_sandbox/token", {"workers": True})


def route_email(zone: str, *, enabled: bool = True) -> None:
    """Switch Cloudflare's Email Routing on, whose records are locked, or off."""
    _post(f"{CLOUDFLARE}/_sandbox/email_routing", {"zone": zone, "enabled": enabled})


def add_record(zone: str, name: str, kind: str, content: str) -> str:
    """Add a record by hand, as its owner would in the dashboard; its identifier."""
    priority = {"priority": 5} if kind == "MX" else {}
    record = {"name": name, "type": kind, "content": content, "ttl": 300, **priority}
    with cloudflare_dns() as client:
        made = client.dns.records.create(zone_id=zone_id(zone), **record)  # type: ignore[call-overload]
        return str(made.id)


def edit_record(zone: str, identifier: str, **changes: str) -> None:
    """Change a record by hand."""
    with cloudflare_dns() as client:
        found: Any = client.dns.records.get(identifier, zone_id=zone_id(zone))
        kept = {"name": found.name, "type": found.type, "content": found.content, "ttl": found.ttl}
        client.dns.records.edit(identifier, zone_id=zone_id(zone), **kept | changes)


def remove_record(zone: str, identifier: str) -> None:
    """Remove one record."""
    with cloudflare_dns() as client:
        client.dns.records.delete(identifier, zone_id=zone_id(zone))


def remove_records(zone: str) -> None:
    """Empty a zone, hosts of Workers among it, and let its parent and the resolver know."""
    identifier = zone_id(zone)
    with cloudflare_dns() as client:
        for host in client.workers.domains.list(account_id=ACCOUNT["id"], zone_id=identifier):
            client.workers.domains.delete(str(host.id), account_id=ACCOUNT["id"])
        found: Any = client.dns.records.list(zone_id=identifier)
        for record in list(found):
            client.dns.records.delete(record.id, zone_id=identifier)
    tell_registrar(zone, None)


def left_of(stack: str) -> list[str]:
    """What Hetzner still has of a stack."""
    client, labels = hetzner(), f"stack={stack}"
    kinds: dict[str, Any] = {
        "server": client.servers.get_all(label_selector=labels),
        "volume": client.volumes.get_all(label_selector=labels),
        "primary IP": client.primary_ips.get_all(label_selector=labels),
        "firewall": client.firewalls.get_all(label_selector=labels),
        "SSH key": client.ssh_keys.get_all(label_selector=labels),
        "Storage Box": client.storage_boxes.get_all(label_selector=labels),
    }
    return [f"{kind} {entry.name}" for kind, entries in kinds.items() for entry in entries]


def remove_all_of(stack: str) -> None:
    """Remove what a killed run of the tests has left of a stack."""
    client, labels = hetzner(), f"stack={stack}"
    for server in client.servers.get_all(label_selector=labels):
        server.change_protection(delete=False, rebuild=False).wait_until_finished()
        server.delete().wait_until_finished()
    for volume in client.volumes.get_all(label_selector=labels):
        volume.change_protection(delete=False).wait_until_finished()
        volume.delete()
    for address in client.primary_ips.get_all(label_selector=labels):
        address.change_protection(delete=False).wait_until_finished()
        address.delete()
    for firewall in client.firewalls.get_all(label_selector=labels):
        for action in firewall.remove_from_resources(firewall.applied_to or []):
            action.wait_until_finished()
        firewall.delete()
    for key in client.ssh_keys.get_all(label_selector=labels):
        key.delete()
    for box in client.storage_boxes.get_all(label_selector=labels):
        box.change_protection(delete=False).wait_until_finished()
        box.delete().action.wait_until_finished()


def fault(api: str, **rule: Any) -> None:
    """Ask an API, the mirror or the authorities to misbehave for its next requests; see `offline.sandbox.faults`."""
    _post(f"{api}/_sandbox/faults", rule)


def unused_faults(api: str) -> list[str]:
    """The faults asked for that did not come about as often as asked."""
    with urllib.request.urlopen(f"{api}/_sandbox/faults", timeout=ANSWER) as answer:
        rules: list[dict[str, Any]] = json.load(answer)
    return [
        f"{rule['method'] or 'any method'} {rule['path']}: {rule['used']} of {rule['times']}"
        for rule in rules
        if rule["used"] < rule["times"]
    ]


@contextlib.contextmanager
def faults(api: str, *rules: dict[str, Any]) -> Iterator[None]:
    """Let an API misbehave meanwhile. That each rule has come about as often as it says is a part of the test."""
    clear_faults(api)
    for rule in rules:
        fault(api, **rule)
    try:
        yield
        unused = unused_faults(api)
        assert unused == [], f"did not come about as often as asked: {unused}"
    finally:
        clear_faults(api)


def clear_faults(api: str) -> None:
    """Take back all faults asked for."""
    with urllib.request.urlopen(urllib.request.Request(f"{api}/_sandbox/faults", method="DELETE"), timeout=ANSWER):
        pass


@contextlib.contextmanager
def box_trouble(kind: str) -> Iterator[None]:
    """Let all Storage Boxes be `full`, with no room for anything more, or `unreachable`, meanwhile."""
    _post(f"{BOXES}/_sandbox/boxes", {kind: True})
    try:
        yield
    finally:
        _post(f"{BOXES}/_sandbox/boxes", {kind: False})


def lose_backups(name: str) -> None:
    """Let a Storage Box hold a repository in which there is no snapshot any more."""
    box = hetzner().storage_boxes.get_by_name(name)
    assert box is not None
    files = f"/srv/data/{box.username}/poste-mail/repo/snapshots/*"
    subprocess.run(["docker", "exec", "poste-mail-boxes", "sh", "-c", f"rm {files}"], check=True, timeout=60)


def alerts() -> list[dict[str, str]]:
    """What whoever is told of alarms got, the oldest first: method, path, title and body of each request."""
    with urllib.request.urlopen(f"{ALERTS}/_sandbox/alerts", timeout=ANSWER) as answer:
        found: list[dict[str, str]] = json.load(answer)
        return found


def forget_alerts() -> None:
    """Have whoever is told of alarms begin anew."""
    with urllib.request.urlopen(urllib.request.Request(f"{ALERTS}/_sandbox/alerts", method="DELETE"), timeout=ANSWER):
        pass


def alerts_unreachable(unreachable: bool) -> None:
    """Let nobody be told of alarms, or again."""
    _post(f"{ALERTS}/_sandbox/alerts", {"unreachable": unreachable})


def outbound_mail(allowed: bool) -> None:
    """Let Hetzner allow its servers to reach ports 25 and 465 of others, or block both as for a new account."""
    _post(f"{HETZNER}/_sandbox/limits", {"outbound_mail": allowed})


def relay_books() -> dict[str, Any]:
    """What the relay is told to do, and has done: see `offline.sandbox.relay.books`."""
    with urllib.request.urlopen(f"{RELAY}/_sandbox/relay", timeout=ANSWER) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


@contextlib.contextmanager
def relay_trouble(**switches: bool | int) -> Iterator[None]:
    """Let the relay `refuse` who signs in, `reject` what it is given, `throttle` so many, or `rewrite`, meanwhile."""
    _post(f"{RELAY}/_sandbox/relay", switches)
    try:
        yield
    finally:
        _post(f"{RELAY}/_sandbox/relay", {name: type(value)() for name, value in switches.items()})


def slow_boot(seconds: float) -> None:
    """Let SSH of the servers that are made from now on come up late."""
    _post(f"{HETZNER}/_sandbox/boot", {"ssh_delay": seconds})


def lifetime(seconds: int) -> None:
    """Let the second authority issue for that long from now on, and let all who trust it know its new root."""
    _post(f"{AUTHORITY}/_sandbox/lifetime", {"seconds": seconds})
    deliveries.keep_authorities()
    eventually(_provider_knows_authorities, 120)
    forget_policies()


def _provider_knows_authorities() -> bool:
    command = ["docker", "exec", OUTSIDE, "cat", "/run/provider/authorities.pem"]
    known = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return deliveries.AUTHORITIES.read_text().startswith(known)


def _post(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=ANSWER):
        pass
