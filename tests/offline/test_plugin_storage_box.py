"""Storage Boxes in the stand-in for Pulumi's hcloud plugin, against the sandbox's API on paper."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2

from offline.sandbox.datacentre.api import build_app
from offline.sandbox.datacentre.paper import PaperBoxes, PaperHypervisor
from offline.toolchain.plugins.common.server import Servicer
from offline.toolchain.plugins.hcloud.provider import HcloudProvider
from tests.support.plugin_api import close, fault, invoke
from tests.support.plugin_engine import Engine, Refused, secret, struct
from tests.support.serving import running

TOKEN, PASSWORD, NEW_PASSWORD = "t" * 64, "Correct-Horse-1", "Another-Horse-2"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEEDl3uMIHkQn7WvWuh4F6U4dZQmRo4AbJwA9F4xCYQ5 ops"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFxZT0sL3vGGtCQTLwJQzn1c3Nn8T3kCJ5zYx5QmYvXw other"
BOX = "urn:pulumi:dev::poste-mail::hcloud:index/storageBox:StorageBox::backup"
SUBACCOUNT = "urn:pulumi:dev::poste-mail::hcloud:index/storageBoxSubaccount:StorageBoxSubaccount::server"
ALL_OFF = {
    "reachableExternally": False,
    "sambaEnabled": False,
    "sshEnabled": False,
    "webdavEnabled": False,
    "zfsEnabled": False,
}

Values = dict[str, Any]


class Hetzner(Engine):
    """The plugin with a project of its own."""

    def __init__(self, url: str, boxes: PaperBoxes) -> None:
        super().__init__(Servicer([], "1.43.0", HcloudProvider(), engine_address=""))
        self.url, self.boxes = url, boxes
        polling = {"pollInterval": "10ms", "pollFunction": "constant"}
        self.configure({"token": TOKEN, "endpoint": f"{url}/v1", "endpointHetzner": f"{url}/v1", **polling})

    def box(self, **inputs: Any) -> tuple[str, Values]:
        return self.create(BOX, {**box_inputs(), **inputs})

    def subaccount(self, box: str, **inputs: Any) -> tuple[str, Values]:
        return self.create(SUBACCOUNT, {**subaccount_inputs(box), **inputs})


def box_inputs() -> Values:
    return {"name": "backup", "location": "fsn1", "storageBoxType": "bx11", "password": secret(PASSWORD)}


def subaccount_inputs(box: str) -> Values:
    return {"storageBoxId": int(box), "homeDirectory": "poste", "password": secret(PASSWORD), "name": "server"}


@pytest.fixture
def hetzner() -> Iterator[Hetzner]:
    hypervisor = PaperHypervisor()
    app, cloud = build_app(hypervisor, TOKEN)
    with running(app, cloud.actions.settle) as url:
        engine = Hetzner(url, hypervisor.boxes)
        yield engine
        close(engine)


# --- settings


def test_boxes_are_asked_for_at_their_own_endpoint_which_has_to_be_on_this_machine(hetzner: Hetzner) -> None:
    hetzner.configure({"token": TOKEN, "endpoint": f"{hetzner.url}/v1"})
    with pytest.raises(Refused, match=r"api\.hetzner\.com is neither"):
        hetzner.box()


def test_the_environment_stands_in_for_the_endpoint(hetzner: Hetzner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HETZNER_ENDPOINT", "http://127.0.0.1:9/v1")
    settings, _ = hetzner.check_config("urn:pulumi:dev::poste-mail::pulumi:providers:hcloud::hetzner", {"token": TOKEN})
    assert settings["endpointHetzner"] == "http://127.0.0.1:9/v1"


# --- boxes


def test_a_box_is_made_with_all_that_was_asked_for_and_its_password_is_a_secret(hetzner: Hetzner) -> None:
    plan = {"maxSnapshots": 10, "hour": 3, "minute": 5}
    id_, state = hetzner.box(
        accessSettings={"sshEnabled": True},
        sshKeys=[KEY],
        labels={"stack": "dev"},
        deleteProtection=True,
        snapshotPlan=plan,
    )
    assert state == {
        "id": id_,
        "name": "backup",
        "username": f"u{id_}",
        "server": f"u{id_}.your-storagebox.de",
        "system": "FSN1-BX1",
        "location": "fsn1",
        "storageBoxType": "bx11",
        "password": secret(PASSWORD),
        "accessSettings": {**ALL_OFF, "sshEnabled": True},
        "sshKeys": [KEY],
        "labels": {"stack": "dev"},
        "deleteProtection": True,
        "snapshotPlan": plan,
    }
    assert hetzner.boxes.accounts[f"u{id_}"].keys == (KEY,)


def test_the_providers_week_begins_with_sunday_and_the_apis_ends_with_it(hetzner: Hetzner) -> None:
    plan = {"maxSnapshots": 1, "hour": 3, "minute": 5, "dayOfWeek": 0}
    id_, state = hetzner.box(snapshotPlan=plan)
    assert state["snapshotPlan"] == plan
    shown = hetzner.servicer._provider.client.request("GET", f"/storage_boxes/{id_}")["storage_box"]
    assert shown["snapshot_plan"]["day_of_week"] == 7


def test_what_a_box_is_changed_to_is_read_back_and_what_it_was_is_no_difference(hetzner: Hetzner) -> None:
    inputs = {**box_inputs(), "accessSettings": {"sshEnabled": True}, "sshKeys": [KEY]}
    id_, state = hetzner.create(BOX, inputs)
    assert not hetzner.diff(BOX, state, inputs).diffs
    changed = inputs | {
        "name": "other",
        "labels": {"stack": "dev"},
        "storageBoxType": "bx21",
        "password": secret(NEW_PASSWORD),
        "accessSettings": {"zfsEnabled": True},
        "snapshotPlan": {"maxSnapshots": 2, "hour": 3, "minute": 5, "dayOfMonth": 4},
        "deleteProtection": True,
    }
    assert list(hetzner.diff(BOX, state, changed).replaces) == []
    after = hetzner.update(BOX, id_, state, changed)
    account = hetzner.boxes.accounts[f"u{id_}"]
    assert (account.password, account.ssh, account.snapshots) == (NEW_PASSWORD, False, True)
    assert after["password"] == secret(NEW_PASSWORD)
    assert hetzner.read(BOX, id_, after, changed)[1] == after
    assert not hetzner.diff(BOX, after, changed).diffs
    without = {name: value for name, value in changed.items() if name != "snapshotPlan"}
    assert list(hetzner.diff(BOX, after, without).diffs) == ["snapshotPlan"]
    assert "snapshotPlan" not in hetzner.update(BOX, id_, after, without)


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({"location": "hel1"}, ["location"]),
        ({"sshKeys": [OTHER_KEY]}, ["sshKeys"]),
        ({"sshKeys": []}, ["sshKeys"]),
        ({"name": "other", "password": secret(NEW_PASSWORD)}, []),
    ],
)
def test_another_location_or_key_replaces_the_box_and_all_else_does_not(
    hetzner: Hetzner, change: Values, replaces: list[str]
) -> None:
    _, state = hetzner.box(sshKeys=[KEY])
    assert list(hetzner.diff(BOX, state, {**box_inputs(), "sshKeys": [KEY], **change}).replaces) == replaces


def test_a_password_is_a_secret_of_the_state_though_the_program_made_none_of_it(hetzner: Hetzner) -> None:
    box, state = hetzner.box(password=PASSWORD)
    _, of_subaccount = hetzner.subaccount(box, password=PASSWORD)
    assert state["password"] == of_subaccount["password"] == secret(PASSWORD)


def test_a_refresh_leaves_switches_as_the_program_wrote_them(hetzner: Hetzner) -> None:
    inputs = {**box_inputs(), "accessSettings": {"sshEnabled": True}}
    id_, state = hetzner.create(BOX, inputs)
    request = provider_pb2.ReadRequest(urn=BOX, id=id_, properties=struct(state), inputs=struct(inputs))
    found = json_format.MessageToDict(hetzner._call("Read", request).inputs)
    assert found["accessSettings"] == {"sshEnabled": True}


def test_the_order_of_keys_means_nothing(hetzner: Hetzner) -> None:
    _, state = hetzner.box(sshKeys=[KEY, OTHER_KEY])
    assert not hetzner.diff(BOX, state, {**box_inputs(), "sshKeys": [OTHER_KEY, KEY]}).diffs


def test_a_preview_of_a_box_tells_its_switches_and_leaves_its_names_open(hetzner: Hetzner) -> None:
    inputs = {**box_inputs(), "accessSettings": {"sshEnabled": True}}
    _, plan = hetzner.create(BOX, inputs, preview=True)
    assert plan["accessSettings"] == {**ALL_OFF, "sshEnabled": True}
    assert plan["server"] == plan["username"]
    assert hetzner.boxes.accounts == {}


def test_a_box_that_is_there_when_its_protection_fails_is_not_forgotten(hetzner: Hetzner) -> None:
    fault(hetzner.url, "POST", "/change_protection$", status=422)
    with pytest.raises(Refused) as failure:
        hetzner.box(deleteProtection=True)
    assert failure.value.made is not None
    id_, state = failure.value.made
    after = hetzner.update(BOX, id_, state, {**box_inputs(), "deleteProtection": True})
    assert after["deleteProtection"] is True


def test_a_box_is_deleted_though_it_was_protected_and_may_be_gone_already(hetzner: Hetzner) -> None:
    id_, state = hetzner.box(deleteProtection=True)
    hetzner.delete(BOX, id_, state)
    assert hetzner.boxes.accounts == {}
    hetzner.delete(BOX, id_, state)


# --- subaccounts


def test_a_subaccount_is_made_and_read_and_changed(hetzner: Hetzner) -> None:
    box, _ = hetzner.box()
    id_, state = hetzner.subaccount(box, accessSettings={"sshEnabled": True})
    username = f"u{box}-sub1"
    assert state == {
        "id": id_,
        "storageBoxId": int(box),
        "name": "server",
        "username": username,
        "server": f"{username}.your-storagebox.de",
        "homeDirectory": "poste",
        "password": secret(PASSWORD),
        "description": "",
        "labels": {},
        "accessSettings": {
            "reachableExternally": False,
            "sambaEnabled": False,
            "sshEnabled": True,
            "webdavEnabled": False,
            "readonly": False,
        },
    }
    inputs = {**subaccount_inputs(box), "accessSettings": {"sshEnabled": True}}
    assert not hetzner.diff(SUBACCOUNT, state, inputs).diffs
    changed = inputs | {
        "name": "other",
        "homeDirectory": "elsewhere",
        "password": secret(NEW_PASSWORD),
        "accessSettings": {"readonly": True},
        "description": "new",
    }
    after = hetzner.update(SUBACCOUNT, id_, state, changed)
    account = hetzner.boxes.accounts[username]
    assert (account.home, account.password, account.readonly) == ("elsewhere", NEW_PASSWORD, True)
    assert hetzner.read(SUBACCOUNT, id_, after, changed)[1] == after
    hetzner.delete(SUBACCOUNT, id_, after)
    assert hetzner.boxes.accounts.keys() == {f"u{box}"}
    hetzner.delete(SUBACCOUNT, id_, after)


def test_another_box_replaces_a_subaccount(hetzner: Hetzner) -> None:
    box, _ = hetzner.box()
    _, state = hetzner.subaccount(box)
    assert list(hetzner.diff(SUBACCOUNT, state, subaccount_inputs("1")).replaces) == ["storageBoxId"]


def test_a_box_that_is_busy_is_waited_for(hetzner: Hetzner) -> None:
    box, _ = hetzner.box()
    fault(hetzner.url, "POST", "/subaccounts$", status=423)
    _, state = hetzner.subaccount(box)
    assert state["username"] == f"u{box}-sub1"


def test_a_subaccount_is_imported_by_the_numbers_of_its_box_and_its_own(hetzner: Hetzner) -> None:
    box, _ = hetzner.box()
    id_, _ = hetzner.subaccount(box)
    found, state = hetzner.read(SUBACCOUNT, f"{box}/{id_}", {}, {})
    assert (found, state["homeDirectory"]) == (id_, "poste")
    with pytest.raises(Refused, match="invalid import id"):
        hetzner.read(SUBACCOUNT, id_, {}, {})


# --- functions


def test_boxes_are_found_by_their_labels(hetzner: Hetzner) -> None:
    hetzner.box(labels={"stack": "dev"})
    id_, state = hetzner.box(name="two", labels={"stack": "other"})
    found = invoke(hetzner, "hcloud:index/getStorageBoxes:getStorageBoxes", {"withSelector": "stack=other"})
    (box,) = found["storageBoxes"]
    assert (box["id"], box["server"]) == (int(id_), state["server"])
    assert len(invoke(hetzner, "hcloud:index/getStorageBoxes:getStorageBoxes", {})["storageBoxes"]) == 2


def test_the_types_of_boxes_are_listed(hetzner: Hetzner) -> None:
    found = invoke(hetzner, "hcloud:index/getStorageBoxTypes:getStorageBoxTypes", {})["storageBoxTypes"]
    sizes = {kind["name"]: (kind["size"], kind["isDeprecated"]) for kind in found}
    assert sizes["bx11"] == (1024**4, False)
