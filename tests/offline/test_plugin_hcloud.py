"""The stand-in for Pulumi's hcloud plugin, against the sandbox's Hetzner Cloud API on paper."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from offline.sandbox.datacentre.api import build_app
from offline.sandbox.datacentre.paper import PaperHypervisor
from offline.toolchain.plugins.common.server import Servicer
from offline.toolchain.plugins.hcloud.provider import HcloudProvider, seconds
from offline.toolchain.plugins.hcloud.server_state import digest
from tests.support.plugin_api import close, fault, invoke
from tests.support.plugin_engine import Engine, Refused, secret
from tests.support.serving import running

TOKEN = "t" * 64
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEEDl3uMIHkQn7WvWuh4F6U4dZQmRo4AbJwA9F4xCYQ5 ops"
USER_DATA = "#cloud-config\n"
PROVIDER = "urn:pulumi:dev::poste-mail::pulumi:providers:hcloud::hetzner"

Values = dict[str, Any]


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:dev::poste-mail::hcloud:index/{kind[0].lower()}{kind[1:]}:{kind}::{name}"


SSH_KEY, IP, RDNS = urn("SshKey", "key"), urn("PrimaryIp", "ip"), urn("Rdns", "ptr")
FIREWALL, SERVER = urn("Firewall", "wall"), urn("Server", "mail")
VOLUME, ATTACHMENT = urn("Volume", "data"), urn("VolumeAttachment", "att")


class Hetzner(Engine):
    """The plugin with a project of its own; `url` is the API's."""

    def __init__(self, url: str) -> None:
        super().__init__(Servicer([], "1.43.0", HcloudProvider(), engine_address=""))
        self.url = url
        settings = {
            "token": TOKEN,
            "endpoint": f"{url}/v1",
            "endpointHetzner": f"{url}/v1",
            "pollInterval": "10ms",
            "pollFunction": "constant",
        }
        self.configure(settings)

    def invoke(self, name: str, /, **arguments: Any) -> Values:
        return invoke(self, f"hcloud:index/{name}:{name}", arguments)

    def server(self, **inputs: Any) -> tuple[str, Values]:
        return self.create(SERVER, {**server_inputs(), **inputs})


def server_inputs() -> Values:
    return {"name": "mail", "serverType": "cx23", "image": "debian-13", "location": "fsn1"}


@pytest.fixture
def hetzner() -> Iterator[Hetzner]:
    app, cloud = build_app(PaperHypervisor(), TOKEN)
    with running(app, cloud.actions.settle) as url:
        engine = Hetzner(url)
        yield engine
        close(engine)


def replaced(engine: Engine, kind: str, state: Values, inputs: Values) -> list[str]:
    return list(engine.diff(kind, state, inputs).replaces)


# --- settings


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"token": "short"}, "entered token is invalid (must be exactly 64 characters long)"),
        ({"token": TOKEN, "pollInterval": "often"}, 'invalid duration "often"'),
        ({"token": TOKEN, "pollFunction": "lazy"}, "expected poll_function to be one of [constant exponential]"),
        ({"token": TOKEN, "region": "fsn1"}, "Invalid or unknown key. Examine values at 'hetzner.region'."),
    ],
)
def test_wrong_settings_are_refused(settings: Values, problem: str) -> None:
    engine = Engine(Servicer([], "1.43.0", HcloudProvider(), engine_address=""))
    assert problem in engine.check_config(PROVIDER, settings)[1][0]


def test_without_a_token_the_provider_says_where_to_set_it() -> None:
    engine = Engine(Servicer([], "1.43.0", HcloudProvider(), engine_address=""))
    with pytest.raises(Refused, match=r"Missing Hetzner Cloud API token.*pulumi config set --secret hcloud:token"):
        engine.configure({"endpoint": "http://127.0.0.1:1/v1"})


@pytest.mark.parametrize(
    "settings", [{}, {"endpoint": "https://api.hetzner.cloud/v1"}, {"endpoint": "http://198.18.0.77"}]
)
def test_an_api_that_is_not_on_this_machine_is_refused_the_public_one_too(settings: Values) -> None:
    engine = Engine(Servicer([], "1.43.0", HcloudProvider(), engine_address=""))
    with pytest.raises(Refused, match=r"stand-in for the hcloud plugin.*install Pulumi's own"):
        engine.configure({"token": TOKEN, **settings})


def test_a_token_that_the_api_refuses_is_told_with_the_apis_code(hetzner: Hetzner) -> None:
    hetzner.configure({"token": "x" * 64, "endpoint": f"{hetzner.url}/v1"})
    with pytest.raises(Refused, match=r"key: .*\(unauthorized\)"):
        hetzner.create(SSH_KEY, {"name": "ops", "publicKey": KEY})


@pytest.mark.parametrize(
    ("text", "value"), [("500ms", 0.5), ("2s", 2.0), ("1m30s", 90.0), ("", None), ("5", None), ("1h", None)]
)
def test_durations_are_written_as_in_go(text: str, value: float | None) -> None:
    assert seconds(text) == value


# --- SSH keys


def test_an_ssh_key_is_renamed_in_place_and_replaced_for_another_key(hetzner: Hetzner) -> None:
    id_, state = hetzner.create(SSH_KEY, {"name": "ops", "publicKey": KEY})
    assert id_.isdigit()
    assert state["fingerprint"].count(":") == 15
    assert state["labels"] == {}
    renamed = {"name": "admins", "publicKey": KEY, "labels": {"a": "b"}}
    assert replaced(hetzner, SSH_KEY, state, renamed) == []
    assert hetzner.update(SSH_KEY, id_, state, renamed)["name"] == "admins"
    assert replaced(hetzner, SSH_KEY, state, {"name": "ops", "publicKey": KEY + "2"}) == ["publicKey"]
    hetzner.delete(SSH_KEY, id_, state)
    assert hetzner.read(SSH_KEY, id_, state, {})[0] == ""
    hetzner.delete(SSH_KEY, id_, state)


def test_a_label_that_the_api_would_refuse_fails_the_check(hetzner: Hetzner) -> None:
    failures = hetzner.check(SSH_KEY, {"publicKey": KEY, "labels": {"a b": "c"}})[1]
    assert failures == ["label key a b is not correctly formatted. Examine values at 'key.labels'."]


# --- addresses


def ip_inputs(kind: str = "ipv4", **more: Any) -> Values:
    return {"name": f"mail-{kind}", "type": kind, "location": "fsn1", **more}


def test_an_address_is_protected_when_asked_and_not_deleted_with_its_server(hetzner: Hetzner) -> None:
    id_, state = hetzner.create(IP, ip_inputs(deleteProtection=True))
    assert (state["deleteProtection"], state["autoDelete"], state["assigneeId"]) == (True, False, 0)
    with pytest.raises(Refused, match=r"ip: .*\(protected\)"):
        hetzner.delete(IP, id_, state)
    free = hetzner.update(IP, id_, state, ip_inputs(deleteProtection=False))
    hetzner.delete(IP, id_, free)
    assert hetzner.read(IP, id_, free, {})[0] == ""


def test_the_address_of_a_network_is_its_first(hetzner: Hetzner) -> None:
    state = hetzner.create(IP, ip_inputs("ipv6"))[1]
    assert state["ipNetwork"] == f"{state['ipAddress']}/64"


def test_assigning_an_address_makes_no_difference_to_a_program_that_does_not_say_to_whom(hetzner: Hetzner) -> None:
    _, state = hetzner.create(IP, ip_inputs())
    assigned = {**state, "assigneeId": 42, "assigneeType": "server"}
    assert not hetzner.diff(IP, assigned, ip_inputs()).diffs
    assert replaced(hetzner, IP, state, {**ip_inputs("ipv6"), "location": "nbg1"}) == ["location", "type"]


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"type": "ipv4"}, 'The argument "location" is required'),
        ({"type": "ipv4", "location": "fsn1", "assigneeId": 1}, "not supported by this offline stand-in"),
        ({"type": "ipv4", "location": "fsn1", "datacenter": "fsn1-dc14"}, "Removed Attribute"),
    ],
)
def test_an_address_needs_a_location_and_nothing_else(hetzner: Hetzner, inputs: Values, problem: str) -> None:
    assert problem in hetzner.check(IP, inputs)[1][0]


def test_a_reverse_name_is_set_changed_read_and_reset(hetzner: Hetzner) -> None:
    address_id, address = hetzner.create(IP, ip_inputs("ipv6"))
    ip = address["ipAddress"] + "1"
    inputs = {"primaryIpId": int(address_id), "ipAddress": ip, "dnsPtr": "mail.club.example"}
    id_, state = hetzner.create(RDNS, inputs)
    assert id_ == f"p-{address_id}-{ip}"
    assert hetzner.read(RDNS, id_, {}, {})[1]["dnsPtr"] == "mail.club.example"
    other = {**inputs, "dnsPtr": "mx.club.example"}
    assert replaced(hetzner, RDNS, state, other) == []
    hetzner.update(RDNS, id_, state, other)
    assert hetzner.read(RDNS, id_, {}, {})[1]["dnsPtr"] == "mx.club.example"
    long_form = {**inputs, "ipAddress": ip.replace("::", ":0:0:0:").upper()}
    assert not hetzner.diff(RDNS, state, long_form).diffs
    assert replaced(hetzner, RDNS, state, {**inputs, "primaryIpId": 7}) == ["primaryIpId"]
    hetzner.delete(RDNS, id_, state)
    assert hetzner.read(RDNS, id_, {}, {})[0] == ""


def test_a_reverse_name_is_that_of_a_primary_ip_and_a_real_address(hetzner: Hetzner) -> None:
    failures = hetzner.check(RDNS, {"primaryIpId": 1, "serverId": 2, "ipAddress": "mail", "dnsPtr": "x"})[1]
    assert "not supported by this offline stand-in" in failures[0]
    assert "must be a valid ip, got: mail" in failures[1]
    with pytest.raises(Refused, match=r"Invalid ID.*got 's-1-198.51.100.1'"):
        hetzner.read(RDNS, "s-1-198.51.100.1", {}, {})


# --- firewalls

SSH = {"direction": "in", "protocol": "tcp", "port": "22", "sourceIps": ["198.51.100.7"], "description": "SSH"}
ICMP = {"direction": "in", "protocol": "icmp", "sourceIps": ["0.0.0.0/0", "::/0"]}
EVERY_MAIL = {"labelSelector": "app=mail"}


def firewall_inputs(*rules: Values, targets: tuple[Values, ...] = (EVERY_MAIL,)) -> Values:
    return {"name": "wall", "rules": list(rules), "applyTos": list(targets)}


def test_rules_come_back_without_a_difference_in_whatever_order_and_spelling(hetzner: Hetzner) -> None:
    state = hetzner.create(FIREWALL, firewall_inputs(SSH, ICMP))[1]
    assert state["rules"][0]["sourceIps"] == ["198.51.100.7/32"]
    assert not hetzner.diff(FIREWALL, state, firewall_inputs(ICMP, SSH)).diffs


def test_rules_and_targets_are_changed_in_place(hetzner: Hetzner) -> None:
    id_, state = hetzner.create(FIREWALL, firewall_inputs(SSH))
    other = firewall_inputs(SSH, ICMP, targets=({"labelSelector": "app=web"},))
    found = hetzner.diff(FIREWALL, state, other)
    assert sorted(found.detailedDiff) == ["applyTos[0].labelSelector", "rules[1]"]
    assert not found.replaces
    hetzner.update(FIREWALL, id_, state, other)
    state = hetzner.read(FIREWALL, id_, {}, {})[1]
    assert len(state["rules"]) == 2
    assert [target["labelSelector"] for target in state["applyTos"]] == ["app=web"]


def test_a_firewall_that_applies_to_servers_is_detached_and_deleted(hetzner: Hetzner) -> None:
    hetzner.server(labels={"app": "mail"})
    id_, state = hetzner.create(FIREWALL, firewall_inputs(SSH))
    hetzner.delete(FIREWALL, id_, state)
    assert hetzner.read(FIREWALL, id_, {}, {})[0] == ""
    hetzner.delete(FIREWALL, id_, state)


def test_rules_that_the_api_would_refuse_fail_the_check(hetzner: Hetzner) -> None:
    rule = {"direction": "inwards", "protocol": "smtp", "sourceIps": ["198.51.100.7/24", "here"]}
    assert hetzner.check(FIREWALL, firewall_inputs(rule))[1] == [
        "inwards is not a valid direction. Examine values at 'wall.rules[0].direction'.",
        "smtp is not a valid protocol. Examine values at 'wall.rules[0].protocol'.",
        (
            "198.51.100.7/24 is not the start of the cidr block 198.51.100.0/24. "
            "Examine values at 'wall.rules[0].sourceIps'."
        ),
        "invalid CIDR address: here. Examine values at 'wall.rules[0].sourceIps'.",
    ]


def test_a_firewall_applies_by_label_selector_only(hetzner: Hetzner) -> None:
    (failure,) = hetzner.check(FIREWALL, firewall_inputs(SSH, targets=({"server": 7},)))[1]
    assert "by labelSelector only. Examine values at 'wall.applyTos[0]'" in failure


# --- servers


def both_addresses(hetzner: Hetzner) -> tuple[str, str]:
    """The ids of two primary IPs: IPv4, IPv6."""
    return hetzner.create(IP, ip_inputs())[0], hetzner.create(IP, {**ip_inputs("ipv6"), "name": "six"})[0]


def test_a_server_has_the_addresses_keys_and_protection_it_was_asked_for(hetzner: Hetzner) -> None:
    four, state4 = hetzner.create(IP, ip_inputs())
    six, state6 = hetzner.create(IP, ip_inputs("ipv6"))
    hetzner.create(SSH_KEY, {"name": "ops", "publicKey": KEY})
    id_, state = hetzner.server(
        publicNets=[{"ipv4": int(four), "ipv6": int(six)}],
        sshKeys=["ops"],
        userData=secret(USER_DATA),
        deleteProtection=True,
        rebuildProtection=True,
    )
    assert state["ipv4Address"] == state4["ipAddress"]
    assert state["ipv6Address"] == state6["ipAddress"] + "1"
    assert state["ipv6Network"] == state6["ipNetwork"]
    assert state["publicNets"] == [{"ipv4": int(four), "ipv6": int(six), "ipv4Enabled": True, "ipv6Enabled": True}]
    assert (state["deleteProtection"], state["keepDisk"], state["status"]) == (True, False, "running")
    assert state["userData"] == secret(digest(USER_DATA))
    with pytest.raises(Refused, match=r"mail: .*\(protected\)"):
        hetzner.delete(SERVER, id_, state)


def test_what_replaces_a_server_and_what_does_not(hetzner: Hetzner) -> None:
    state = hetzner.server(userData=USER_DATA)[1]
    same = {**server_inputs(), "userData": USER_DATA}
    assert not hetzner.diff(SERVER, state, same).diffs
    replacing: Values = {"image": "debian-12", "location": "nbg1", "sshKeys": ["x"], "userData": "x"}
    for name, value in replacing.items():
        found = hetzner.diff(SERVER, state, {**same, name: value})
        assert [*found.replaces] == [name]
        assert found.deleteBeforeReplace
    updating: Values = {"name": "mx", "serverType": "cx33", "labels": {"a": "b"}, "deleteProtection": True}
    for name, value in updating.items():
        found = hetzner.diff(SERVER, state, {**same, name: value})
        assert [*found.diffs] == [name]
        assert not found.replaces


def test_a_server_without_a_name_of_its_own_is_replaced_before_the_old_one_goes(hetzner: Hetzner) -> None:
    inputs = {name: value for name, value in server_inputs().items() if name != "name"}
    state = hetzner.create(SERVER, inputs)[1]
    assert not hetzner.diff(SERVER, state, {**inputs, "location": "nbg1"}).deleteBeforeReplace


def test_a_server_is_renamed_rescaled_and_protected_in_place(hetzner: Hetzner) -> None:
    id_, state = hetzner.server()
    inputs = {**server_inputs(), "name": "mx", "serverType": "cx33", "labels": {"a": "b"}, "deleteProtection": True}
    state = hetzner.update(SERVER, id_, state, {**inputs, "rebuildProtection": True})
    assert (state["name"], state["serverType"], state["labels"]) == ("mx", "cx33", {"a": "b"})
    assert state["status"] == "running"  # Hetzner starts a server after it has changed the type
    assert (state["deleteProtection"], state["rebuildProtection"]) == (True, True)


def test_a_server_gives_up_one_address_for_another(hetzner: Hetzner) -> None:
    first, six = both_addresses(hetzner)
    second, wanted = hetzner.create(urn("PrimaryIp", "other"), {**ip_inputs(), "name": "other"})
    id_, state = hetzner.server(publicNets=[{"ipv4": int(first), "ipv6": int(six)}])
    changed = {**server_inputs(), "publicNets": [{"ipv4": int(second), "ipv6": int(six)}]}
    assert not hetzner.diff(SERVER, state, changed).replaces
    state = hetzner.update(SERVER, id_, state, changed)
    assert (state["ipv4Address"], state["status"]) == (wanted["ipAddress"], "running")
    assert [hetzner.read(IP, it, {}, {})[1]["assigneeId"] for it in (first, six)] == [0, int(id_)]


def test_a_server_without_a_primary_ip_of_each_family_is_refused(hetzner: Hetzner) -> None:
    with pytest.raises(Refused, match="a primary IP for ipv4 and one for ipv6 only"):
        hetzner.server(publicNets=[{"ipv4": int(both_addresses(hetzner)[0]), "ipv6Enabled": False}])


def test_a_server_shuts_down_before_it_is_deleted_and_frees_its_addresses(hetzner: Hetzner) -> None:
    address, six = both_addresses(hetzner)
    nets = [{"ipv4": int(address), "ipv6": int(six)}]
    id_, state = hetzner.server(publicNets=nets, shutdownBeforeDeletion=True)
    hetzner.delete(SERVER, id_, state)
    assert hetzner.read(SERVER, id_, state, {})[0] == ""
    assert hetzner.read(IP, address, {}, {})[1]["assigneeId"] == 0
    hetzner.delete(SERVER, id_, state)


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"serverType": "cx22"}, "server type cx22 not found"),
        ({"image": "debian-99"}, "image debian-99 for architecture x86 not found"),
        ({"sshKeys": ["nobody"]}, "SSH key not found: nobody"),
    ],
)
def test_what_does_not_exist_is_named(hetzner: Hetzner, inputs: Values, problem: str) -> None:
    with pytest.raises(Refused, match=f"^mail: {problem}$"):
        hetzner.server(**inputs)


def test_what_the_stand_in_cannot_do_fails_the_check(hetzner: Hetzner) -> None:
    failures = hetzner.check(SERVER, {**server_inputs(), "networks": [{"networkId": 1}], "datacenter": "fsn1-dc14"})[1]
    assert failures == [
        "not supported by this offline stand-in for the plugin. Examine values at 'mail.networks'.",
        (
            "Removed Attribute. The datacenter attribute was removed, use the location attribute instead. "
            "Examine values at 'mail.datacenter'."
        ),
    ]


# --- volumes


def test_a_volume_grows_and_is_attached_by_a_resource_of_its_own(hetzner: Hetzner) -> None:
    server, _ = hetzner.server()
    inputs = {"name": "data", "size": 10, "location": "fsn1", "format": "ext4"}
    id_, state = hetzner.create(VOLUME, inputs)
    assert state["format"] == "ext4"
    link = {"volumeId": int(id_), "serverId": int(server)}
    attachment, attached = hetzner.create(ATTACHMENT, link)
    assert (attachment, attached["automount"]) == (id_, False)
    refreshed = hetzner.read(VOLUME, id_, state, {})[1]
    assert refreshed["serverId"] == int(server)
    assert not hetzner.diff(VOLUME, refreshed, inputs).diffs
    assert hetzner.update(VOLUME, id_, refreshed, {**inputs, "size": 20})["size"] == 20
    assert replaced(hetzner, ATTACHMENT, attached, {**link, "serverId": 7}) == ["serverId"]
    assert replaced(hetzner, VOLUME, state, {**inputs, "location": "nbg1"}) == ["location"]
    hetzner.delete(ATTACHMENT, id_, attached)
    assert hetzner.read(ATTACHMENT, id_, attached, {})[0] == ""
    hetzner.delete(VOLUME, id_, state)
    assert hetzner.read(VOLUME, id_, state, {})[0] == ""


def test_an_attached_volume_is_detached_before_it_is_deleted(hetzner: Hetzner) -> None:
    server, _ = hetzner.server()
    id_, state = hetzner.create(VOLUME, {"name": "data", "size": 10, "location": "fsn1"})
    hetzner.create(ATTACHMENT, {"volumeId": int(id_), "serverId": int(server)})
    hetzner.delete(VOLUME, id_, state)
    assert hetzner.read(VOLUME, id_, state, {})[0] == ""


def test_a_volume_is_attached_by_no_setting_of_its_own(hetzner: Hetzner) -> None:
    (failure,) = hetzner.check(VOLUME, {"name": "data", "size": 10, "serverId": 7})[1]
    assert "not supported by this offline stand-in for the plugin" in failure


def test_an_imported_volume_may_say_which_server_it_is_attached_to(hetzner: Hetzner) -> None:
    found = {"name": "data", "size": 10, "serverId": 7}
    assert not hetzner.check(VOLUME, found, found)[1]


# --- functions


def test_functions_find_types_and_images(hetzner: Hetzner) -> None:
    kind = hetzner.invoke("getServerType", name="cx23")
    assert (kind["architecture"], kind["memory"], kind["isDeprecated"]) == ("x86", 4, False)
    assert {"fsn1"} <= {place["name"] for place in kind["locations"] if place["available"]}
    image = hetzner.invoke("getImage", name="debian-13", withArchitecture="arm")
    assert (image["osFlavor"], image["architecture"]) == ("debian", "arm")


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("getServerType", {"name": "cx22"}, r"Resource \(server type\) was not found: name=cx22"),
        ("getServerType", {}, "by name, and by nothing else"),
        ("getLocations", {}, "unrecognized function: hcloud:index/getLocations:getLocations"),
        ("getServers", {"withSelector": "stack=dev"}, "lists all of servers, without withSelector"),
        ("getImage", {"id": 1}, "by name and withArchitecture, and by nothing else"),
        ("getImage", {"name": "beos"}, r"Resource \(image\) was not found: architecture=x86 name=beos"),
    ],
)
def test_functions_say_what_they_did_not_find(hetzner: Hetzner, name: str, arguments: Values, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        hetzner.invoke(name, **arguments)


# --- trouble


def test_a_server_whose_creation_cannot_be_followed_is_recorded_and_finished_by_the_next_update(
    hetzner: Hetzner,
) -> None:
    fault(hetzner.url, "GET", "/actions/", status=500)
    with pytest.raises(Refused, match=r"^mail: .*server_error") as caught:
        hetzner.server(deleteProtection=True, rebuildProtection=True, userData=USER_DATA)
    assert caught.value.made is not None
    id_, state = caught.value.made
    inputs = {**server_inputs(), "deleteProtection": True, "rebuildProtection": True, "userData": USER_DATA}
    assert sorted(hetzner.diff(SERVER, state, inputs).detailedDiff) == ["deleteProtection", "rebuildProtection"]
    assert hetzner.update(SERVER, id_, state, inputs)["deleteProtection"] is True


def test_an_interrupted_creation_is_recorded(hetzner: Hetzner) -> None:
    fault(hetzner.url, "GET", "/actions/", delay=2)

    def interrupt() -> None:
        while not any(rule["used"] for rule in requests.get(f"{hetzner.url}/_sandbox/faults", timeout=60).json()):
            time.sleep(0.02)
        hetzner.cancel()

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(Refused, match=r"^mail: interrupted$") as caught:
        hetzner.server()
    interrupter.join()
    assert caught.value.made is not None


def test_a_creation_that_takes_longer_than_its_timeout_is_recorded(hetzner: Hetzner) -> None:
    fault(hetzner.url, "GET", "/actions/", delay=0.4, times=9)
    with pytest.raises(Refused, match=r"^mail: timed out$") as caught:
        hetzner.create(SERVER, server_inputs(), timeout=0.3)
    assert caught.value.made is not None


def test_a_volume_waits_for_a_server_that_is_busy(hetzner: Hetzner) -> None:
    server, _ = hetzner.server()
    volume, _ = hetzner.create(VOLUME, {"name": "data", "size": 10, "location": "fsn1"})
    fault(hetzner.url, "POST", "/actions/attach$", status=423)
    assert hetzner.create(ATTACHMENT, {"volumeId": int(volume), "serverId": int(server)})[0] == volume


def test_a_rate_limit_is_waited_out(hetzner: Hetzner, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("hcloud._client.time.sleep", waits.append)
    fault(hetzner.url, "POST", "/ssh_keys$", status=429, times=3)
    assert hetzner.create(SSH_KEY, {"name": "ops", "publicKey": KEY})[0]
    assert len(waits) == 3


def test_an_api_that_cannot_be_reached_is_told_plainly(hetzner: Hetzner) -> None:
    hetzner.configure({"token": TOKEN, "endpoint": "http://127.0.0.1:9/v1"})
    with pytest.raises(Refused, match=r"^key: POST /ssh_keys: cannot reach the Hetzner Cloud API"):
        hetzner.create(SSH_KEY, {"name": "ops", "publicKey": KEY})
