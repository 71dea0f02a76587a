"""The sandbox's API of Storage Boxes, as the official client sees it, over boxes on paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from hcloud import APIException, Client
from hcloud.locations import Location
from hcloud.storage_box_types import StorageBoxType
from hcloud.storage_boxes import (
    StorageBoxAccessSettings,
    StorageBoxSnapshotPlan,
    StorageBoxSubaccountAccessSettings,
)

from offline.sandbox.datacentre.api import build_app
from offline.sandbox.datacentre.paper import PaperBoxes, PaperHypervisor
from tests.support.plugin_api import fault
from tests.support.serving import running

TOKEN = "t" * 64
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFxZT0sL3vGGtCQTLwJQzn1c3Nn8T3kCJ5zYx5QmYvXw operator"
PASSWORD = "Correct-Horse-1"
FALKENSTEIN = Location(name="fsn1")


@dataclass
class Hetzner:
    """A running API with a client for it, and the boxes below."""

    url: str
    client: Any  # hcloud.Client, which types every field of every resource as optional
    boxes: PaperBoxes

    def box(self, name: str = "backup", **options: Any) -> Any:
        options = {"location": FALKENSTEIN, "storage_box_type": StorageBoxType(name="bx11")} | options
        created = self.client.storage_boxes.create(name=name, **{"password": PASSWORD} | options)
        created.action.wait_until_finished()
        return self.client.storage_boxes.get_by_id(created.storage_box.id)

    def subaccount(self, box: Any, home: str = "poste", **options: Any) -> Any:
        created = box.create_subaccount(home_directory=home, **{"password": PASSWORD} | options)
        created.action.wait_until_finished()
        return box.get_subaccount_by_id(created.subaccount.id)

    def snapshot(self, box: Any, **options: Any) -> Any:
        created = box.create_snapshot(**options)
        created.action.wait_until_finished()
        return box.get_snapshot_by_id(created.snapshot.id)

    def post(self, path: str, body: Any = None) -> requests.Response:
        """A request without the client's retries."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return requests.post(f"{self.url}/v1{path}", json=body, headers=headers, timeout=60)


@pytest.fixture
def hetzner() -> Iterator[Hetzner]:
    hypervisor = PaperHypervisor()
    app, cloud = build_app(hypervisor, TOKEN)
    with running(app, cloud.actions.settle) as url:
        # The client asks after actions where the servers are.
        client = Client(TOKEN, f"{url}/v1", api_endpoint_hetzner=f"{url}/v1", poll_interval=0.05)
        yield Hetzner(url, client, hypervisor.boxes)
        for part in (client._client, client._client_hetzner):
            part._session.close()


def error_code(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(APIException) as caught:
        call(*arguments, **options)
    return str(caught.value.code)


# --- boxes


def test_the_types_have_sizes_limits_and_prices(hetzner: Hetzner) -> None:
    types = {kind.name: kind for kind in hetzner.client.storage_box_types.get_all()}
    assert types.keys() == {"bx11", "bx21", "bx31", "bx41"}
    assert (types["bx11"].size, types["bx11"].snapshot_limit, types["bx11"].subaccounts_limit) == (1024**4, 10, 100)
    assert {price["location"] for price in types["bx11"].prices} == {"fsn1", "hel1"}


def test_a_new_box_has_a_user_and_a_server_once_it_is_made_and_its_owners_keys(hetzner: Hetzner) -> None:
    body = {"name": "b", "location": "hel1", "storage_box_type": "bx21", "password": PASSWORD, "ssh_keys": [KEY]}
    begun = hetzner.post("/storage_boxes", body).json()
    shown = begun["storage_box"]
    assert (shown["status"], shown["username"], shown["server"]) == ("initializing", None, None)
    assert "password" not in shown
    action = hetzner.client.storage_boxes.actions.get_by_id(begun["action"]["id"])
    action.wait_until_finished()
    assert [done.id for done in hetzner.client.storage_boxes.actions.get_all()] == [action.id]
    box = hetzner.client.storage_boxes.get_by_name("b")
    assert (box.status, box.username, box.server) == ("active", f"u{box.id}", f"u{box.id}.your-storagebox.de")
    account = hetzner.boxes.accounts[box.username]
    assert (account.keys, account.password, account.ssh, account.external) == ((KEY,), PASSWORD, False, False)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "only-small-letters-1"}, "password"),
        ({"location": Location(name="nbg1")}, "location"),
        ({"storage_box_type": StorageBoxType(name="bx12")}, "storage_box_type"),
        ({"ssh_keys": ["no key"]}, "ssh_keys"),
    ],
)
def test_an_order_that_hetzner_would_refuse_is_refused_with_the_field(
    hetzner: Hetzner, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(APIException, match=f"invalid input in field '{field}'"):
        hetzner.box(**wrong)
    assert hetzner.client.storage_boxes.get_all() == []


def test_boxes_are_found_by_name_and_labels_and_their_names_are_unique(hetzner: Hetzner) -> None:
    hetzner.box("one", labels={"stack": "dev"})
    hetzner.box("two", labels={"stack": "other"})
    assert [box.name for box in hetzner.client.storage_boxes.get_all(label_selector="stack=dev")] == ["one"]
    assert hetzner.client.storage_boxes.get_by_name("two").labels == {"stack": "other"}
    assert error_code(hetzner.box, "one") == "uniqueness_error"


def test_a_protected_box_is_not_deleted_and_another_goes_with_all_that_it_had(hetzner: Hetzner) -> None:
    box = hetzner.box()
    hetzner.subaccount(box)
    hetzner.snapshot(box)
    box.change_protection(delete=True).wait_until_finished()
    assert error_code(box.delete) == "protected"
    box.change_protection(delete=False).wait_until_finished()
    box.delete().action.wait_until_finished()
    assert error_code(hetzner.client.storage_boxes.get_by_id, box.id) == "not_found"
    assert hetzner.boxes.accounts == {}


def test_name_type_password_access_and_plan_of_a_box_can_be_changed(hetzner: Hetzner) -> None:
    box = hetzner.box(access_settings=StorageBoxAccessSettings(zfs_enabled=True))
    box.update(name="other", labels={"stack": "dev"})
    box.change_type(StorageBoxType(name="bx31")).wait_until_finished()
    box.reset_password("Another-Horse-2").wait_until_finished()
    box.update_access_settings(StorageBoxAccessSettings(ssh_enabled=True)).wait_until_finished()
    box.enable_snapshot_plan(StorageBoxSnapshotPlan(max_snapshots=10, hour=3, minute=5)).wait_until_finished()
    box = hetzner.client.storage_boxes.get_by_name("other")
    assert (box.labels, box.storage_box_type.name) == ({"stack": "dev"}, "bx31")
    assert (box.access_settings.ssh_enabled, box.access_settings.zfs_enabled) == (True, True)
    assert (box.snapshot_plan.max_snapshots, box.snapshot_plan.day_of_week) == (10, None)
    account = hetzner.boxes.accounts[box.username]
    assert (account.password, account.ssh, account.snapshots) == ("Another-Horse-2", True, True)
    box.disable_snapshot_plan().wait_until_finished()
    assert hetzner.client.storage_boxes.get_by_id(box.id).snapshot_plan is None


@pytest.mark.parametrize(
    "plan", [{"max_snapshots": 11}, {"hour": 24}, {"day_of_week": 0}, {"day_of_week": 1, "day_of_month": 1}]
)
def test_a_snapshot_plan_that_cannot_be_is_refused(hetzner: Hetzner, plan: dict[str, int]) -> None:
    wanted = StorageBoxSnapshotPlan(**{"max_snapshots": 10, "hour": 3, "minute": 5} | plan)
    assert error_code(hetzner.box().enable_snapshot_plan, wanted) == "invalid_input"


def test_a_box_does_one_thing_at_a_time(hetzner: Hetzner) -> None:
    box = hetzner.box()
    running_action = box.reset_password("Another-Horse-2")
    assert hetzner.post(f"/storage_boxes/{box.id}/actions/reset_password", {"password": PASSWORD}).status_code == 423
    subaccount = {"home_directory": "a", "password": PASSWORD}
    assert hetzner.post(f"/storage_boxes/{box.id}/subaccounts", subaccount).json()["error"]["code"] == "locked"
    running_action.wait_until_finished()
    assert hetzner.post(f"/storage_boxes/{box.id}/subaccounts", subaccount).status_code == 201


def test_faults_strike_the_api_of_boxes_too(hetzner: Hetzner) -> None:
    fault(hetzner.url, "POST", "/storage_boxes$", status=503)
    assert error_code(hetzner.box) == "unavailable"


# --- subaccounts


def test_a_subaccount_is_named_after_its_box_and_kept_to_its_folder(hetzner: Hetzner) -> None:
    box = hetzner.box()
    made = hetzner.subaccount(
        box,
        "poste-mail-dev",
        name="server",
        description="of the mail server",
        access_settings=StorageBoxSubaccountAccessSettings(ssh_enabled=True, readonly=True),
    )
    assert (made.name, made.username) == ("server", f"{box.username}-sub1")
    assert (made.server, made.home_directory) == (f"{made.username}.your-storagebox.de", "poste-mail-dev")
    account = hetzner.boxes.accounts[made.username]
    assert (account.box, account.home, account.readonly) == (box.username, "poste-mail-dev", True)
    assert box.get_folders().folders == ["poste-mail-dev"]
    assert [found.id for found in box.get_subaccount_all(name="server")] == [made.id]


@pytest.mark.parametrize("home", ["/absolute", "..", "a/../../b", ""])
def test_a_subaccounts_folder_lies_in_its_box(hetzner: Hetzner, home: str) -> None:
    assert error_code(hetzner.subaccount, hetzner.box(), home) == "invalid_input"


def test_a_subaccount_can_be_changed_and_deleted(hetzner: Hetzner) -> None:
    box = hetzner.box()
    made = hetzner.subaccount(box)
    made.update(name="other", description="new", labels={"stack": "dev"})
    made.change_home_directory("elsewhere").wait_until_finished()
    made.reset_password("Another-Horse-2").wait_until_finished()
    made.update_access_settings(StorageBoxSubaccountAccessSettings(ssh_enabled=True)).wait_until_finished()
    made = box.get_subaccount_by_id(made.id)
    assert (made.name, made.description, made.labels) == ("other", "new", {"stack": "dev"})
    account = hetzner.boxes.accounts[made.username]
    assert (account.home, account.password, account.ssh) == ("elsewhere", "Another-Horse-2", True)
    made.delete().action.wait_until_finished()
    assert box.get_subaccount_all() == []
    assert hetzner.boxes.accounts.keys() == {box.username}
    assert hetzner.subaccount(box).username == f"{box.username}-sub2"


def test_a_subaccount_is_found_below_its_own_box_only(hetzner: Hetzner) -> None:
    made = hetzner.subaccount(hetzner.box("one"))
    assert error_code(hetzner.box("two").get_subaccount_by_id, made.id) == "not_found"


# --- snapshots


def test_rolling_back_removes_the_snapshots_that_are_newer(hetzner: Hetzner) -> None:
    box = hetzner.box()
    first, second = hetzner.snapshot(box, description="before"), hetzner.snapshot(box)
    assert (first.description, first.is_automatic) == ("before", False)
    assert first.name < second.name
    box.rollback_snapshot(first).wait_until_finished()
    assert hetzner.boxes.rolled_back == [(box.username, first.name)]
    assert [left.id for left in box.get_snapshot_all()] == [first.id]
    first.update(description="kept")
    assert box.get_snapshot_by_id(first.id).description == "kept"
    first.delete().action.wait_until_finished()
    assert hetzner.boxes.snapshots == set()


def test_a_box_has_as_many_snapshots_as_its_type_allows(hetzner: Hetzner) -> None:
    box = hetzner.box()
    for _ in range(10):
        hetzner.snapshot(box)
    assert error_code(hetzner.snapshot, box) == "resource_limit_exceeded"
