"""Where a stack's state and the clouds disagree, and which thing is which resource: on the sandbox's APIs on paper."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloudflare import Cloudflare
from hcloud import Client
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType

from model.labels import owner_comment, stack_labels
from model.settings import Settings
from offline.sandbox.datacentre.api import build_app
from offline.sandbox.datacentre.hypervisor import Machine
from offline.sandbox.datacentre.paper import PaperHypervisor
from offline.sandbox.internet.cloudflare.access import TOKEN as CLOUDFLARE_TOKEN
from offline.sandbox.internet.cloudflare.server import build
from operate.errors import RepairError
from operate.repair import dns, hetzner
from operate.repair.backend import torn_attributes
from operate.repair.finding import Finding
from operate.repair.matching import import_file, pairs
from operate.repair.state import State, forget
from operate.repair.things import (
    ATTACHMENT,
    DNS_RECORD,
    FIREWALL,
    PRIMARY_IP,
    RDNS,
    SERVER,
    SSH_KEY,
    VOLUME,
    Planned,
    Thing,
)
from operate.workflow.summary.changes import UNKNOWN
from tests.support import examples
from tests.support.serving import running

TOKEN = "t" * 64
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFxZT0sL3vGGtCQTLwJQzn1c3Nn8T3kCJ5zYx5QmYvXw operator"
PROJECT, STACK = "poste-mail", "prod"
LABELS = stack_labels(PROJECT, STACK)
FALKENSTEIN = Location(name="fsn1")
DOMAIN = "club.example"
PARENT = f"urn:pulumi:{STACK}::{PROJECT}::poste-mail:index:MailServer::server"
PROVIDER = f"urn:pulumi:{STACK}::{PROJECT}::pulumi:providers:hcloud::hcloud"


class SlowHypervisor(PaperHypervisor):
    """Makes a machine when it is `free`."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.free.set()

    async def create(self, machine: Machine) -> None:
        await asyncio.to_thread(self.free.wait)
        await super().create(machine)


@dataclass
class Clouds:
    """Both clouds, with the official clients of their owners."""

    hypervisor: SlowHypervisor
    hcloud: Any
    cloudflare: Any
    cloudflare_url: str
    settings: Settings

    @property
    def zone(self) -> str:
        (zone,) = self.cloudflare.zones.list(name=DOMAIN)
        return str(zone.id)

    def record(self, kind: str, name: str, content: str, comment: str = "") -> str:
        more = {"priority": 10} if kind == "MX" else {}
        record = {"type": kind, "name": name, "content": content, "ttl": 3600, "comment": comment, **more}
        return str(self.cloudflare.dns.records.create(zone_id=self.zone, **record).id)

    def find(self, *resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = ()) -> Finding:
        """Compare them with a state of these resources."""
        state = State(STACK, resources, pending)
        there = hetzner.look(self.hcloud, LABELS)
        url = f"{self.cloudflare_url}/client/v4"
        return Finding(
            PROJECT, state, there, dns.look(self.settings, PROJECT, state, there.addresses(), CLOUDFLARE_TOKEN, url)
        )


@pytest.fixture
def clouds() -> Iterator[Clouds]:
    hypervisor = SlowHypervisor()
    app, cloud = build_app(hypervisor, TOKEN)
    with running(app, cloud.actions.settle) as hetzner_url, running(build()) as cloudflare_url:
        api = f"{hetzner_url}/v1"
        client = Client(TOKEN, api, api_endpoint_hetzner=api, poll_interval=0.05)
        settings = examples.settings(
            mailHost=f"mail.{DOMAIN}", domains=[{"name": DOMAIN}], adminAddress=f"admin@{DOMAIN}"
        )
        with Cloudflare(api_token=CLOUDFLARE_TOKEN, base_url=f"{cloudflare_url}/client/v4") as dns_client:
            yield Clouds(hypervisor, client, dns_client, cloudflare_url, settings)
        client._client._session.close()


def held(kind: str, identifier: str, **outputs: Any) -> dict[str, Any]:
    """A resource as the state has it."""
    urn = f"urn:pulumi:{STACK}::{PROJECT}::{kind}::name"
    return {"urn": urn, "type": kind, "id": identifier, "outputs": outputs}


def begun(kind: str, logical_name: str, operation: str = "creating", **inputs: Any) -> dict[str, Any]:
    """An operation that was cut off, as the state has it."""
    urn = f"urn:pulumi:{STACK}::{PROJECT}::poste-mail:index:MailServer${kind}::{logical_name}"
    resource = {"urn": urn, "type": kind, "inputs": inputs, "parent": PARENT, "provider": f"{PROVIDER}::some-id"}
    return {"resource": resource, "type": operation}


def told(things: list[Thing]) -> set[tuple[str, str]]:
    return {(thing.kind, thing.name) for thing in things}


def test_all_kinds_of_things_with_the_stacks_labels_are_found_and_others_are_not(clouds: Clouds) -> None:
    client = clouds.hcloud
    client.ssh_keys.create("mine", KEY, labels=LABELS)
    client.primary_ips.create("ipv4", "mine", FALKENSTEIN, labels=LABELS)
    client.firewalls.create("mine", labels=LABELS)
    client.firewalls.create("other", labels=LABELS | {"stack": "staging"})
    client.firewalls.create("nobody's")
    made = client.servers.create("mine", ServerType(name="cx23"), Image(name="debian-13"), labels=LABELS)
    for action in (made.action, *made.next_actions):
        action.wait_until_finished()
    made_volume = client.volumes.create(10, "mine", location=FALKENSTEIN, labels=LABELS)
    made_volume.action.wait_until_finished()
    made_volume.volume.attach(made.server).wait_until_finished()
    found = clouds.find()
    assert told(found.unknown) == {
        ("SSH key", "mine"),
        ("primary IP", "mine"),
        ("firewall", "mine"),
        ("server", "mine"),
        ("volume", "mine"),
        ("volume attachment", "mine on mine"),
    }
    assert "server mine (id " in str(found)
    assert not found.is_clean


def test_what_the_state_has_is_not_unknown_and_what_the_cloud_has_is_not_gone(clouds: Clouds) -> None:
    key = clouds.hcloud.ssh_keys.create("mine", KEY, labels=LABELS)
    record = clouds.record("MX", DOMAIN, f"mail.{DOMAIN}", owner_comment(PROJECT, STACK, clouds.settings.owner))
    found = clouds.find(held(SSH_KEY, str(key.id)), held(DNS_RECORD, record, zoneId=clouds.zone))
    assert found.is_clean
    assert str(found) == "Stack prod: state and clouds agree."


def test_what_the_clouds_have_no_more_is_gone_also_what_hung_on_it(clouds: Clouds) -> None:
    volume = clouds.hcloud.volumes.create(10, "mine", location=FALKENSTEIN, labels=LABELS).volume
    attachment = held(ATTACHMENT, str(volume.id), serverId=7.0)
    known = held(VOLUME, str(volume.id))
    lost = [
        held(SERVER, "7"),
        held(RDNS, "p-8-198.51.100.7", primaryIpId=8.0),
        held(DNS_RECORD, "0" * 32, zoneId=clouds.zone),
        attachment,
    ]
    found = clouds.find(known, *lost)
    assert found.gone == lost
    assert found.doubtful == [resource["urn"] for resource in lost]


def test_what_was_on_a_server_that_is_gone_is_forgotten_since_nothing_can_be_undone_there(
    clouds: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, volume = held(SERVER, "7"), held(VOLUME, "8")
    command = {"urn": "command", "type": "command:remote:Command", "id": "c", "deletedWith": server["urn"]}
    record = {
        "urn": "record", "type": "x", "id": "r", "dependencies": ["command", volume["urn"]],
        "propertyDependencies": {"content": ["command"], "zoneId": None},
    }  # fmt: skip
    assert clouds.find(server, volume, command, record).lived_on_it == {"command"}
    assert clouds.find(volume, command).lived_on_it == set()  # a server that is there keeps what is on it
    kept: list[str] = []

    def pulumi(*words: str, stdin: str = "") -> str:
        kept.append(stdin)
        return json.dumps({"deployment": {"resources": [volume, command, record]}}) if words[1] == "export" else ""

    monkeypatch.setattr("operate.repair.state.pulumi", pulumi)
    forget(STACK, {"command"})
    (left, changed) = json.loads(kept[-1])["deployment"]["resources"]
    assert left == volume
    assert changed["dependencies"] == [volume["urn"]]
    assert changed["propertyDependencies"] == {"content": [], "zoneId": None}


def test_records_of_a_zone_that_was_not_looked_at_are_not_called_gone(clouds: Clouds) -> None:
    assert clouds.find(held(DNS_RECORD, "0" * 32, zoneId="f" * 32)).gone == []


def test_what_waits_for_its_deletion_is_the_engines_business(clouds: Clouds) -> None:
    assert clouds.find(held(SERVER, "7") | {"delete": True}).gone == []


def test_what_was_deleted_to_be_replaced_is_neither_gone_nor_known(clouds: Clouds) -> None:
    made = clouds.hcloud.firewalls.create("mine", labels=LABELS)
    old = held(SERVER, "7") | {"pendingReplacement": True}
    same = held(FIREWALL, str(made.firewall.id)) | {"pendingReplacement": True}
    found = clouds.find(old, same)
    assert found.gone == []
    assert told(found.unknown) == {("firewall", "mine")}
    assert found.state.replaced == {old["urn"], same["urn"]}
    assert found.state.urns == set()


@pytest.mark.parametrize("protect", [True, False])
def test_after_a_lost_state_things_are_known_by_their_names_and_protected_as_their_part_is(
    clouds: Clouds, protect: bool
) -> None:
    clouds.settings = clouds.settings.model_copy(update={"protect": protect, "unprotected": ("volume",)})
    clouds.hcloud.ssh_keys.create("mine", KEY, labels=LABELS)
    clouds.hcloud.firewalls.create("mine-mail", labels=LABELS)
    clouds.hcloud.volumes.create(10, "mine", location=FALKENSTEIN, labels=LABELS)
    found = clouds.find()
    known = {(planned.type, planned.name): planned.protect for planned, _ in pairs(found.planned(), found.unknown, ())}
    assert known == {(SSH_KEY, "mine"): False, (FIREWALL, "mine-mail"): protect, (VOLUME, "mine"): False}


def test_records_are_the_stacks_by_mark_or_by_being_just_as_it_makes_them(clouds: Clouds) -> None:
    mark = owner_comment(PROJECT, STACK, clouds.settings.owner)
    clouds.record("A", f"mail.{DOMAIN}", "198.51.100.9", mark)
    clouds.record("TXT", f"_dmarc.{DOMAIN}", '"v=DMARC1; p=none"', "Managed by Pulumi: poste-mail/prod")
    clouds.record("MX", DOMAIN, f"mail.{DOMAIN}", "edited by hand")
    clouds.record("TXT", DOMAIN, '"v=spf1 include:_spf.other.example ~all"')
    clouds.record("TXT", f"s1._domainkey.{DOMAIN}", '"v=DKIM1; k=rsa; p=AAAA"', mark)
    found = clouds.find()
    assert told(found.unknown) == {
        ("A record", f"mail.{DOMAIN}"),
        ("TXT record", f"_dmarc.{DOMAIN}"),
        ("MX record", DOMAIN),
        ("TXT record", f"s1._domainkey.{DOMAIN}"),
    }
    names = {planned.name: thing.name for planned, thing in pairs(found.planned(), found.unknown, ())}
    assert names == {
        f"mail.{DOMAIN}-a": f"mail.{DOMAIN}",
        f"{DOMAIN}-dmarc": f"_dmarc.{DOMAIN}",
        f"{DOMAIN}-mx": DOMAIN,
        f"{DOMAIN}-dkim": f"s1._domainkey.{DOMAIN}",
    }


def test_a_record_that_was_made_twice_is_told_and_is_nobodys(clouds: Clouds) -> None:
    mark = owner_comment(PROJECT, STACK, clouds.settings.owner)
    known = clouds.record("A", f"mail.{DOMAIN}", "198.51.100.9", mark)
    clouds.record("A", f"mail.{DOMAIN}", "198.51.100.10", mark)
    resource = held(DNS_RECORD, known, zoneId=clouds.zone) | {
        "urn": f"urn:pulumi:{STACK}::{PROJECT}::{DNS_RECORD}::mail.{DOMAIN}-a"
    }
    found = clouds.find(resource)
    assert [thing.content for thing in found.unknown] == ["198.51.100.10"]
    assert pairs(found.planned(), found.unknown, ()) == []


def test_a_thing_that_is_being_made_is_waited_for(clouds: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hetzner, "PAUSE", 0.01)
    clouds.hypervisor.free.clear()
    clouds.hcloud.servers.create("mine", ServerType(name="cx23"), Image(name="debian-13"), labels=LABELS)
    found = clouds.find()
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        clouds.hypervisor.free.set()

    assert found.hetzner.wait(found.unknown, say)
    assert said[0].startswith("waiting for server mine (id ")
    assert "create_server (" in said[0]
    assert clouds.hcloud.servers.get_all()[0].status == "running"
    assert not found.hetzner.wait(found.unknown, say)


def test_waiting_for_a_thing_has_an_end(clouds: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hetzner, "PATIENCE", 0.0)
    clouds.hypervisor.free.clear()
    clouds.hcloud.servers.create("mine", ServerType(name="cx23"), Image(name="debian-13"), labels=LABELS)
    found = clouds.find()
    try:
        with pytest.raises(RepairError, match=r"server mine .* still at create_server"):
            found.hetzner.wait(found.unknown, lambda _line: None)
    finally:
        clouds.hypervisor.free.set()


def test_what_was_cut_off_while_it_was_made_is_known_by_what_the_program_asked_for() -> None:
    thing = Thing(SERVER, "7", "poste-mail-prod", "Hetzner", {"name": "poste-mail-prod"})
    first, last = begun(SERVER, "server", name="other"), begun(SERVER, "server", name="poste-mail-prod")
    state = State(STACK, (), (first, last, begun(VOLUME, "data", "updating", name="poste-mail-prod")))
    ((planned, found),) = pairs(state.begun(), [thing], ())
    assert found is thing
    assert (planned.name, planned.parent, planned.provider) == ("server", PARENT, PROVIDER)


@pytest.mark.parametrize(
    ("inputs", "fits"),
    [
        ({"volumeId": 7.0, "serverId": 8.0}, True),
        ({"volumeId": 7, "serverId": UNKNOWN}, True),
        ({"volumeId": UNKNOWN, "serverId": UNKNOWN}, True),
        ({"volumeId": 9.0, "serverId": 8.0}, False),
        ({}, False),
    ],
)
def test_a_resource_is_a_thing_if_all_that_is_known_of_it_agrees(inputs: dict[str, Any], fits: bool) -> None:
    thing = Thing(ATTACHMENT, "7", "data on server", "Hetzner", {"volumeId": "7", "serverId": "8"})
    planned = Planned(f"{PARENT.rpartition('::')[0]}${ATTACHMENT}::data", inputs)
    assert bool(pairs([planned], [thing], ())) is fits


def test_of_two_alike_the_one_with_the_right_content_is_taken_and_none_twice() -> None:
    marks = {"zoneId": "z", "name": DOMAIN, "type": "MX"}
    wrong, right = (
        Thing(DNS_RECORD, content, DOMAIN, "Cloudflare", marks, content, f"z/{content}") for content in ("old", "new")
    )
    planned = Planned(f"urn:pulumi:{STACK}::{PROJECT}::{DNS_RECORD}::mx", {**marks, "content": "new"})
    assert pairs([planned], [wrong, right], ()) == [(planned, right)]
    assert pairs([planned, planned], [right], ()) == [(planned, right)]


def test_a_resource_that_the_state_has_takes_no_second_thing() -> None:
    thing = Thing(SERVER, "7", "mail", "Hetzner", {"name": "mail"})
    planned = Planned(f"urn:pulumi:{STACK}::{PROJECT}::{SERVER}::server", {"name": "mail"})
    assert pairs([planned], [thing], {planned.urn}) == []


def test_a_child_is_imported_below_its_component_where_the_state_has_that() -> None:
    thing = Thing(FIREWALL, "7", "mail", "Hetzner", {"name": "mail"})
    urn = f"{PARENT.rpartition('::')[0]}${FIREWALL}::wall"
    planned = Planned(urn, {"name": "mail"}, PARENT, PROVIDER)
    entry = {"type": FIREWALL, "name": urn, "logicalName": "wall", "id": "7"}
    assert import_file([(planned, thing)], {PARENT, PROVIDER}) == {
        "nameTable": {PARENT: PARENT, PROVIDER: PROVIDER},
        "resources": [entry | {"parent": PARENT, "provider": PROVIDER}],
    }
    assert import_file([(planned, thing)], ()) == {"nameTable": {}, "resources": [entry]}


def test_what_was_cut_off_while_it_changed_is_read_anew_if_a_cloud_can_be_asked(clouds: Clouds) -> None:
    address = clouds.hcloud.primary_ips.create("ipv4", "mine", FALKENSTEIN, labels=LABELS).primary_ip
    changing = begun(PRIMARY_IP, "ipv4", "updating")
    command = begun("command:remote:Command", "install", "updating")
    resource = held(PRIMARY_IP, str(address.id)) | {"urn": changing["resource"]["urn"]}
    other = held("command:remote:Command", "x") | {"urn": command["resource"]["urn"]}
    found = clouds.find(resource, other, pending=(changing, command))
    assert found.doubtful == [resource["urn"]]
    assert not found.is_clean
    assert "updating primary IP ipv4" in str(found)
    assert "updating Command install" in str(found)


def test_attributes_that_a_killed_deploy_wrote_by_half_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    folder = tmp_path / ".pulumi" / "stacks" / PROJECT
    folder.mkdir(parents=True)
    for name, text in (("prod.json.attrs", ""), ("prod.json.bak.attrs", '{"md5": "x"}'), ("other.json.attrs", "")):
        (folder / name).write_text(text)
    assert torn_attributes(STACK, PROJECT) == [folder / "prod.json.attrs"]
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    assert torn_attributes(STACK, PROJECT) == []
