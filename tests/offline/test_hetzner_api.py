"""The sandbox's Hetzner Cloud API, as the official client sees it, over a hypervisor on paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from hcloud import APIException, Client
from hcloud.actions import ActionFailedException
from hcloud.firewalls import FirewallResource, FirewallResourceLabelSelector, FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType
from hcloud.servers import ServerCreatePublicNetwork

from offline.sandbox.datacentre.api import build_app
from offline.sandbox.datacentre.cloud import Cloud
from offline.sandbox.datacentre.labels import parse_selector
from offline.sandbox.datacentre.paper import PaperHypervisor
from tests.support.serving import running

TOKEN = "t" * 64
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFxZT0sL3vGGtCQTLwJQzn1c3Nn8T3kCJ5zYx5QmYvXw operator"
FALKENSTEIN, HELSINKI = Location(name="fsn1"), Location(name="hel1")
EVERYWHERE = ["0.0.0.0/0", "::/0"]


@dataclass
class Datacentre:
    """A running API with a client for it, and what is below."""

    url: str
    client: Any  # hcloud.Client, which types every field of every resource as optional
    cloud: Cloud
    hypervisor: PaperHypervisor

    def request(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A request without the client's retries."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return requests.request(method, self.url + path, json=body, headers=headers, timeout=60)

    def server(self, name: str = "mail", wait: bool = True, **options: Any) -> Any:
        options = {"server_type": ServerType(name="cx23"), "image": Image(name="debian-13")} | options
        created = self.client.servers.create(name, **{"location": FALKENSTEIN} | options)
        if wait:
            for action in [created.action, *created.next_actions]:
                action.wait_until_finished()
        return self.client.servers.get_by_id(created.server.id)

    def primary_ip(self, ip_type: str = "ipv4", name: str = "address", location: Location = FALKENSTEIN) -> Any:
        return self.client.primary_ips.create(ip_type, name, location).primary_ip

    def volume(self, name: str = "data", size: int = 10, location: Location = FALKENSTEIN) -> Any:
        created = self.client.volumes.create(size, name, location=location, format="ext4")
        created.action.wait_until_finished()
        return self.client.volumes.get_by_id(created.volume.id)

    def firewall(self, *rules: FirewallRule, selector: str | None = None, name: str = "firewall") -> Any:
        target = FirewallResource("label_selector", label_selector=FirewallResourceLabelSelector(selector))
        created = self.client.firewalls.create(name, rules=list(rules), resources=[target] if selector else None)
        for action in created.actions:
            action.wait_until_finished()
        return self.client.firewalls.get_by_id(created.firewall.id)

    def ssh_key(self) -> Any:
        return self.client.ssh_keys.create("operator", KEY)


@pytest.fixture
def requests_per_hour() -> int:
    return 3600


@pytest.fixture
def datacentre(requests_per_hour: int) -> Iterator[Datacentre]:
    hypervisor = PaperHypervisor()
    app, cloud = build_app(hypervisor, TOKEN, requests_per_hour)
    with running(app, cloud.actions.settle) as address:
        client = Client(TOKEN, api_endpoint=f"{address}/v1", poll_interval=0.05)
        yield Datacentre(f"{address}/v1", client, cloud, hypervisor)
        client._client._session.close()


def error_code(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(APIException) as caught:
        call(*arguments, **options)
    return str(caught.value.code)


# --- the API as a whole


def test_another_token_is_unauthorized(datacentre: Datacentre) -> None:
    stranger = Client("x" * 64, api_endpoint=datacentre.url)
    assert error_code(stranger.servers.get_all) == "unauthorized"
    stranger._client._session.close()


@pytest.mark.parametrize("requests_per_hour", [2])
def test_a_project_that_used_up_its_requests_gets_429_and_headers_that_say_so(datacentre: Datacentre) -> None:
    assert datacentre.request("GET", "/servers").headers["RateLimit-Remaining"] == "1"
    datacentre.request("GET", "/servers")
    refused = datacentre.request("GET", "/servers")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused.headers["RateLimit-Limit"] == "2"


def test_lists_come_in_pages_that_link_to_each_other(datacentre: Datacentre) -> None:
    for number in range(7):
        datacentre.primary_ip(name=f"address-{number}")
    answer = datacentre.request("GET", "/primary_ips?per_page=3&page=2")
    assert [ip["name"] for ip in answer.json()["primary_ips"]] == ["address-3", "address-4", "address-5"]
    assert answer.json()["meta"]["pagination"] == {
        "page": 2,
        "per_page": 3,
        "previous_page": 1,
        "next_page": 3,
        "last_page": 3,
        "total_entries": 7,
    }
    assert answer.links["next"]["url"].endswith("page=3")


def test_the_catalogue_names_types_with_locations_prices_and_images_for_both_architectures(
    datacentre: Datacentre,
) -> None:
    cx23 = datacentre.client.server_types.get_by_name("cx23")
    assert cx23 is not None
    assert (cx23.cores, cx23.memory, cx23.architecture) == (2, 4.0, "x86")
    assert {entry.location.name for entry in cx23.locations} == {"fsn1", "nbg1", "hel1"}
    assert datacentre.client.server_types.get_by_name("cx22") is None
    for architecture in ("x86", "arm"):
        assert datacentre.client.images.get_by_name_and_architecture("debian-13", architecture) is not None


def test_an_unknown_path_and_a_broken_body_get_the_apis_own_errors(datacentre: Datacentre) -> None:
    assert datacentre.request("GET", "/nothing").json()["error"]["code"] == "not_found"
    broken = requests.post(
        f"{datacentre.url}/volumes", data="{", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60
    )
    assert broken.json()["error"]["code"] == "json_error"


def test_a_fault_on_request_strikes_as_often_as_asked_and_changes_nothing(datacentre: Datacentre) -> None:
    faults = datacentre.url.removesuffix("/v1") + "/_sandbox/faults"
    requests.post(faults, json={"method": "POST", "path": "/ssh_keys$", "status": 500}, timeout=60)
    assert error_code(datacentre.ssh_key) == "server_error"
    assert datacentre.client.ssh_keys.get_all() == []
    assert datacentre.ssh_key().name == "operator"


def test_a_cut_off_answer_hides_from_the_client_what_was_done(datacentre: Datacentre) -> None:
    faults = datacentre.url.removesuffix("/v1") + "/_sandbox/faults"
    requests.post(faults, json={"method": "POST", "path": "/ssh_keys$", "cut": True}, timeout=60).raise_for_status()
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        datacentre.ssh_key()
    assert [key.name for key in datacentre.client.ssh_keys.get_all()] == ["operator"]
    requests.post(faults, json={"path": "/ssh_keys", "cut": True, "status": 503}, timeout=60).raise_for_status()
    with pytest.raises(requests.exceptions.RequestException):
        datacentre.request("DELETE", f"/ssh_keys/{datacentre.cloud.project.ssh_key.popitem()[0]}")


def test_a_fault_tells_how_often_it_was_used(datacentre: Datacentre) -> None:
    faults = datacentre.url.removesuffix("/v1") + "/_sandbox/faults"
    rules: list[dict[str, Any]] = [{"path": "/servers", "status": 500, "times": 2}, {"path": "/volumes", "delay": 0.01}]
    for rule in rules:
        requests.post(faults, json=rule, timeout=60).raise_for_status()
    datacentre.request("GET", "/servers")
    datacentre.request("GET", "/volumes")
    datacentre.request("GET", "/volumes")
    assert [rule["used"] for rule in requests.get(faults, timeout=60).json()] == [1, 1]
    unknown = requests.post(faults, json={"path": "/servers", "status": 500, "time": 2}, timeout=60)
    assert unknown.status_code == 400
    assert "a fault has no time" in unknown.json()["error"]


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("stack=dev", True),
        ("stack==dev", True),
        ("zone=a", False),
        ("stack=dev,role=mail", True),
        ("stack=dev,role=web", False),
        ("example.com/team=ops", True),
    ],
)
def test_a_label_selector_wants_all_the_labels_that_it_names(selector: str, matches: bool) -> None:
    labels = {"stack": "dev", "role": "mail", "example.com/team": "ops"}
    assert parse_selector(selector)(labels) is matches


@pytest.mark.parametrize("selector", ["stack!=dev", "stack", "!stack", "stack in (dev, prod)", "stack notin (dev)"])
def test_other_terms_of_label_selectors_are_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="not one of the sandbox's: key=value"):
        parse_selector(selector)


def test_lists_can_be_filtered_by_label_and_a_broken_selector_is_refused(datacentre: Datacentre) -> None:
    datacentre.client.primary_ips.create("ipv4", "one", FALKENSTEIN, labels={"stack": "dev"})
    datacentre.primary_ip(name="two")
    assert [ip.name for ip in datacentre.client.primary_ips.get_all(label_selector="stack=dev")] == ["one"]
    assert error_code(datacentre.client.primary_ips.get_all, label_selector="=dev") == "invalid_input"


@pytest.mark.parametrize("labels", [{"-key": "a"}, {"key": "white space"}, {"hetzner.cloud/x": "a"}, {"k" * 64: "a"}])
def test_labels_that_are_not_formatted_correctly_are_refused(datacentre: Datacentre, labels: dict[str, str]) -> None:
    assert error_code(datacentre.client.ssh_keys.create, "operator", KEY, labels=labels) == "invalid_input"


# --- SSH keys


def test_an_ssh_key_has_the_fingerprint_that_ssh_keygen_shows_and_can_be_added_once(datacentre: Datacentre) -> None:
    assert datacentre.ssh_key().fingerprint == "9a:98:f7:35:0b:4b:46:cc:bf:2a:5b:40:34:50:4c:14"
    assert error_code(datacentre.client.ssh_keys.create, "again", KEY) == "uniqueness_error"
    assert error_code(datacentre.client.ssh_keys.create, "broken", "ssh-ed25519 AAAA") == "invalid_input"


# --- servers


def test_a_server_is_created_by_an_action_and_runs_with_what_was_ordered(datacentre: Datacentre) -> None:
    key, ipv4, ipv6 = datacentre.ssh_key(), datacentre.primary_ip(), datacentre.primary_ip("ipv6", "address6")
    created = datacentre.client.servers.create(
        "mail",
        ServerType(name="cx23"),
        Image(name="debian-13"),
        ssh_keys=[key],
        location=FALKENSTEIN,
        user_data="#cloud-config\n",
        public_net=ServerCreatePublicNetwork(ipv4=ipv4, ipv6=ipv6),
    )
    assert (created.server.status, created.action.status, created.action.command) == (
        "initializing",
        "running",
        "create_server",
    )
    created.next_actions[0].wait_until_finished()
    server = datacentre.client.servers.get_by_id(created.server.id)
    assert (server.status, server.public_net.ipv4.ip) == ("running", ipv4.ip)
    machine = datacentre.hypervisor.machines[server.id]
    assert (machine.ipv4, machine.ipv6) == (ipv4.ip, ipv6.ip)
    assert (machine.user_data, list(machine.ssh_keys)) == ("#cloud-config\n", [KEY])


@pytest.mark.parametrize(
    ("options", "code", "field"),
    [
        ({"name": "under_score"}, "invalid_input", "name"),
        ({"server_type": ServerType(name="cx22")}, "invalid_input", "server_type"),
        ({"image": Image(name="debian-8")}, "invalid_input", "image"),
        ({"location": Location(name="mars1")}, "invalid_input", "location"),
        ({"user_data": "x" * 32_769}, "invalid_input", "user_data"),
        ({"location": Location(name="ash")}, "invalid_input", None),  # cx23 is not offered there
        ({"server_type": ServerType(name="cx53"), "location": HELSINKI}, "resource_unavailable", None),
    ],
)
def test_an_order_that_cannot_be_met_is_refused_with_its_reason(
    datacentre: Datacentre, options: dict[str, Any], code: str, field: str | None
) -> None:
    with pytest.raises(APIException) as caught:
        datacentre.server(**options)
    assert caught.value.code == code
    if field is not None:
        assert [entry["name"] for entry in caught.value.details["fields"]] == [field]


def test_all_that_is_wrong_with_an_order_is_said_at_once(datacentre: Datacentre) -> None:
    answer = datacentre.request("POST", "/servers", {"name": "_", "server_type": "cx1", "image": "debian-13"})
    assert {field["name"] for field in answer.json()["error"]["details"]["fields"]} == {"name", "server_type"}


def test_server_names_are_unique(datacentre: Datacentre) -> None:
    datacentre.server()
    assert error_code(datacentre.server) == "uniqueness_error"


def test_a_primary_ip_must_be_free_of_the_right_version_and_in_the_servers_location(datacentre: Datacentre) -> None:
    def order(**addresses: Any) -> str:
        return error_code(datacentre.server, "second", public_net=ServerCreatePublicNetwork(**addresses))

    taken, ipv6 = datacentre.primary_ip(), datacentre.primary_ip("ipv6", "address6")
    datacentre.server(public_net=ServerCreatePublicNetwork(ipv4=taken))
    assert order(ipv4=taken) == "primary_ip_assigned"
    assert order(ipv4=ipv6) == "primary_ip_version_mismatch"
    assert order(ipv4=datacentre.primary_ip(name="far", location=HELSINKI)) == "primary_ip_datacenter_mismatch"


def test_deleting_a_server_keeps_its_own_addresses_and_volumes_and_takes_those_made_with_it(
    datacentre: Datacentre,
) -> None:
    kept, volume = datacentre.primary_ip(), datacentre.volume()
    server = datacentre.server(public_net=ServerCreatePublicNetwork(ipv4=kept))
    volume.attach(server).wait_until_finished()
    assert len(datacentre.client.primary_ips.get_all()) == 2
    server.delete().wait_until_finished()
    assert [ip.id for ip in datacentre.client.primary_ips.get_all()] == [kept.id]
    assert datacentre.client.volumes.get_by_id(volume.id).server is None
    assert datacentre.client.servers.get_all() == []
    assert datacentre.hypervisor.machines == {}
    again = datacentre.server(public_net=ServerCreatePublicNetwork(ipv4=kept))
    assert again.public_net.ipv4.ip == kept.ip


def test_a_server_is_locked_while_an_action_runs_on_it(datacentre: Datacentre) -> None:
    server = datacentre.server(wait=False)
    assert server.locked
    assert error_code(server.delete) == "locked"


def test_shutting_down_turns_a_server_off_and_power_on_starts_it_with_its_volumes(datacentre: Datacentre) -> None:
    server, volume = datacentre.server(), datacentre.volume()
    volume.attach(server).wait_until_finished()
    server.shutdown().wait_until_finished()
    assert datacentre.client.servers.get_by_id(server.id).status == "off"
    server.power_on().wait_until_finished()
    assert datacentre.client.servers.get_by_id(server.id).status == "running"
    assert datacentre.hypervisor.machines[server.id].volumes == (volume.id,)


def test_a_server_must_be_off_to_change_its_type_and_keeps_its_architecture(datacentre: Datacentre) -> None:
    server = datacentre.server()
    assert error_code(server.change_type, ServerType(name="cx33"), True) == "server_not_stopped"
    server.power_off().wait_until_finished()
    assert error_code(server.change_type, ServerType(name="cax11"), True) == "invalid_server_type"
    server.change_type(ServerType(name="cx33"), upgrade_disk=False).wait_until_finished()
    changed = datacentre.client.servers.get_by_id(server.id)
    assert (changed.server_type.name, changed.primary_disk_size) == ("cx33", 40)


def test_a_server_is_started_again_when_its_type_has_changed(datacentre: Datacentre) -> None:
    server, volume = datacentre.server(), datacentre.volume()
    volume.attach(server).wait_until_finished()
    server.power_off().wait_until_finished()
    action = server.change_type(ServerType(name="cx33"), upgrade_disk=False)
    assert datacentre.client.servers.get_by_id(server.id).status == "migrating"
    action.wait_until_finished()
    assert datacentre.client.servers.get_by_id(server.id).status == "running"
    assert server.id in datacentre.hypervisor.running
    machine = datacentre.hypervisor.machines[server.id]
    assert (machine.cores, machine.memory, machine.volumes) == (4, 8.0, (volume.id,))


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/servers", "networks", [1]),
        ("/servers", "volumes", [1]),
        ("/servers", "firewalls", [{"firewall": 1}]),
        ("/primary_ips", "assignee_id", 1),
        ("/volumes", "server", 1),
        ("/volumes", "format", "xfs"),
        ("/volumes", "automount", True),
    ],
)
def test_what_the_sandbox_cannot_do_is_refused_by_name(
    datacentre: Datacentre, path: str, field: str, value: object
) -> None:
    whole = {
        "name": "mail",
        "server_type": "cx23",
        "image": "debian-13",
        "type": "ipv4",
        "location": "fsn1",
        "size": 10,
    }
    answer = datacentre.request("POST", path, {**whole, field: value})
    (wrong,) = answer.json()["error"]["details"]["fields"]
    assert wrong["name"] == field
    assert "not supported by the sandbox" in wrong["messages"][0]


def test_what_fails_below_ends_the_action_with_an_error(
    datacentre: Datacentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: object) -> None:
        raise RuntimeError("no space left")

    monkeypatch.setattr(datacentre.hypervisor, "create_disk", broken)
    with pytest.raises(ActionFailedException, match="no space left"):
        datacentre.volume()


@pytest.mark.parametrize("kind", ["server", "volume", "primary_ip"])
def test_a_protected_resource_cannot_be_deleted_until_its_protection_is_taken_off(
    datacentre: Datacentre, kind: str
) -> None:
    entry = getattr(datacentre, kind)()
    both = {"rebuild": True} if kind == "server" else {}
    entry.change_protection(delete=True, **both).wait_until_finished()
    assert error_code(entry.delete) == "protected"
    entry.change_protection(delete=False, **dict.fromkeys(both, False)).wait_until_finished()
    entry.delete()


# --- primary IPs and reverse DNS


def test_an_address_says_to_whom_it_is_assigned_and_must_be_free_to_be_deleted(datacentre: Datacentre) -> None:
    ip = datacentre.primary_ip()
    assert (ip.assignee_type, ip.assignee_id) == ("unassigned", None)
    server = datacentre.server(public_net=ServerCreatePublicNetwork(ipv4=ip))
    ip = datacentre.client.primary_ips.get_by_id(ip.id)
    assert (ip.assignee_type, ip.assignee_id) == ("server", server.id)
    assert error_code(ip.delete) == "must_be_unassigned"
    assert error_code(ip.unassign) == "server_not_stopped"
    server.power_off().wait_until_finished()
    ip.unassign().wait_until_finished()
    assert ip.delete()


def test_an_ipv4_address_has_a_default_pointer_which_comes_back_when_its_own_is_removed(
    datacentre: Datacentre,
) -> None:
    ip = datacentre.primary_ip()
    default = f"static.{'.'.join(reversed(ip.ip.split('.')))}.clients.your-server.example"
    assert datacentre.hypervisor.pointers == {ip.ip: default}
    ip.change_dns_ptr(ip.ip, "mail.club.example").wait_until_finished()
    assert datacentre.hypervisor.pointers == {ip.ip: "mail.club.example"}
    assert datacentre.client.primary_ips.get_by_id(ip.id).dns_ptr == [{"ip": ip.ip, "dns_ptr": "mail.club.example"}]
    datacentre.client.primary_ips.change_dns_ptr(ip, ip.ip, None).wait_until_finished()
    assert datacentre.hypervisor.pointers == {ip.ip: default}
    ip.delete()
    assert datacentre.hypervisor.pointers == {}


def test_an_ipv6_network_takes_pointers_for_its_addresses_only(datacentre: Datacentre) -> None:
    ip = datacentre.primary_ip("ipv6")
    assert ip.dns_ptr == []
    address = ip.ip.removesuffix("/64") + "1"
    ip.change_dns_ptr(address, "mail.club.example").wait_until_finished()
    assert datacentre.hypervisor.pointers == {address: "mail.club.example"}
    assert error_code(ip.change_dns_ptr, "2001:db8:ffff::1", "mail.club.example") == "invalid_input"


def test_addresses_given_back_are_not_handed_out_at_once(datacentre: Datacentre) -> None:
    first = datacentre.primary_ip()
    first.delete()
    assert datacentre.primary_ip().ip != first.ip


# --- volumes


def test_a_volume_is_plugged_into_a_running_server_and_out_again(datacentre: Datacentre) -> None:
    server, volume = datacentre.server(), datacentre.volume()
    assert volume.linux_device == f"/dev/disk/by-id/scsi-0HC_Volume_{volume.id}"
    volume.attach(server).wait_until_finished()
    assert datacentre.hypervisor.plugged == {volume.id: server.id}
    assert error_code(volume.attach, server) == "volume_already_attached"
    assert error_code(volume.delete) == "resource_in_use"
    volume.detach().wait_until_finished()
    assert datacentre.hypervisor.plugged == {}
    assert volume.delete()


def test_a_volume_grows_but_does_not_shrink_and_has_ten_gigabytes_at_least(datacentre: Datacentre) -> None:
    volume = datacentre.volume(size=20)
    volume.resize(30).wait_until_finished()
    assert datacentre.hypervisor.disks == {volume.id: 30}
    assert error_code(volume.resize, 25) == "invalid_input"
    assert error_code(datacentre.volume, "small", 9) == "invalid_input"


def test_a_volume_attaches_only_in_its_own_location(datacentre: Datacentre) -> None:
    assert error_code(datacentre.volume(location=HELSINKI).attach, datacentre.server()) == "invalid_input"


# --- firewalls

SSH = FirewallRule("in", "tcp", ["198.51.100.1/32"], port="22")
SMTP = FirewallRule("in", "tcp", EVERYWHERE, port="25")
DNS_OUT = FirewallRule("out", "udp", [], destination_ips=EVERYWHERE, port="53")


def test_a_selector_covers_servers_as_they_come_and_as_their_labels_change(datacentre: Datacentre) -> None:
    firewall = datacentre.firewall(SSH, selector="stack=dev")
    server = datacentre.server(labels={"stack": "dev"})
    assert [entry.firewall.id for entry in server.public_net.firewalls] == [firewall.id]
    applied = datacentre.client.firewalls.get_by_id(firewall.id).applied_to
    assert [inner.server.id for inner in applied[0].applied_to_resources] == [server.id]
    assert datacentre.hypervisor.filters[server.id].inbound is not None
    server.update(labels={"stack": "other"})
    assert datacentre.hypervisor.filters[server.id].inbound is None


def test_a_servers_filter_is_the_union_of_its_firewalls(datacentre: Datacentre) -> None:
    datacentre.firewall(SSH, selector="stack=dev", name="ssh")
    datacentre.firewall(SMTP, DNS_OUT, selector="role=mail", name="mail")
    server = datacentre.server(labels={"stack": "dev", "role": "mail"})
    its_filter = datacentre.hypervisor.filters[server.id]
    assert [rule.port for rule in its_filter.inbound or ()] == ["22", "25"]
    assert [rule.port for rule in its_filter.outbound or ()] == ["53"]


def test_a_firewall_without_rules_lets_nothing_in_and_all_out(datacentre: Datacentre) -> None:
    datacentre.firewall(selector="stack=dev")
    server = datacentre.server(labels={"stack": "dev"})
    its_filter = datacentre.hypervisor.filters[server.id]
    assert its_filter.inbound == []
    assert its_filter.outbound is None


def test_new_rules_replace_the_old(datacentre: Datacentre) -> None:
    firewall = datacentre.firewall(SSH, selector="stack=dev")
    server = datacentre.server(labels={"stack": "dev"})
    for action in firewall.set_rules([SMTP]):
        action.wait_until_finished()
    assert [rule.port for rule in datacentre.hypervisor.filters[server.id].inbound or ()] == ["25"]
    assert [rule.port for rule in datacentre.client.firewalls.get_by_id(firewall.id).rules] == ["25"]


def test_a_firewall_in_use_cannot_be_deleted_and_is_applied_by_selector_only(
    datacentre: Datacentre,
) -> None:
    firewall = datacentre.firewall(SSH, selector="stack=dev")
    server = datacentre.server(labels={"stack": "dev"})
    assert error_code(firewall.delete) == "resource_in_use"
    alone = [FirewallResource("server", server=server)]
    assert error_code(firewall.apply_to_resources, alone) == "invalid_input"
    assert error_code(firewall.apply_to_resources, firewall.applied_to) == "firewall_already_applied"
    for action in firewall.remove_from_resources(firewall.applied_to):
        action.wait_until_finished()
    assert firewall.delete()
    assert datacentre.hypervisor.filters[server.id].inbound is None


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (FirewallRule("in", "tcp", EVERYWHERE), "rules.0.port"),
        (FirewallRule("in", "tcp", EVERYWHERE, port="0"), "rules.0.port"),
        (FirewallRule("in", "tcp", EVERYWHERE, port="90-80"), "rules.0.port"),
        (FirewallRule("in", "icmp", EVERYWHERE, port="1"), "rules.0.port"),
        (FirewallRule("in", "sctp", EVERYWHERE, port="1"), "rules.0.protocol"),
        (FirewallRule("in", "tcp", [], port="22"), "rules.0.source_ips"),
        (FirewallRule("in", "tcp", ["198.51.100.1/24"], port="22"), "rules.0.source_ips"),
        (FirewallRule("in", "tcp", ["198.51.100.1"], port="22"), "rules.0.source_ips"),
        (FirewallRule("out", "tcp", ["0.0.0.0/0"], port="22"), "rules.0.destination_ips"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_its_place(
    datacentre: Datacentre, rule: FirewallRule, field: str
) -> None:
    with pytest.raises(APIException) as caught:
        datacentre.firewall(rule)
    assert field in [entry["name"] for entry in caught.value.details["fields"]]
