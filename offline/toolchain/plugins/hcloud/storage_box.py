"""`hcloud:index/storageBox:StorageBox`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import Operation, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.common.values import Unknown
from offline.toolchain.plugins.hcloud.api import Api, Json
from offline.toolchain.plugins.hcloud.labels import check_labels

ACCESS = {
    "reachableExternally": "reachable_externally",
    "sambaEnabled": "samba_enabled",
    "sshEnabled": "ssh_enabled",
    "webdavEnabled": "webdav_enabled",
    "zfsEnabled": "zfs_enabled",
}
"""The switches of a box, as the program and as the API call them."""
PLAN = {
    "maxSnapshots": "max_snapshots",
    "minute": "minute",
    "hour": "hour",
    "dayOfWeek": "day_of_week",
    "dayOfMonth": "day_of_month",
}
SUNDAY_HERE, SUNDAY_THERE = 0, 7
"""The provider's week begins with it, the API's ends with it."""
KEPT = ("password", "sshKeys")
"""Inputs that the API does not tell back."""


class StorageBoxes:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        body = {
            "name": inputs["name"],
            "storage_box_type": inputs["storageBoxType"],
            "location": inputs["location"],
            "password": inputs["password"],
            "labels": inputs["labels"],
            "ssh_keys": inputs["sshKeys"],
            "access_settings": switches(inputs["accessSettings"], ACCESS),
        }
        answer = api.request("POST", "/storage_boxes", body)
        id_ = str(answer["storage_box"]["id"])
        path = f"/storage_boxes/{id_}"
        operation.exists(id_, {"deleteProtection": False, "snapshotPlan": None})
        api.settle(operation, answer)
        _act(api, operation, path, "change_protection", {"delete": inputs["deleteProtection"]})
        if inputs.get("snapshotPlan"):
            _act(api, operation, path, "enable_snapshot_plan", plan_of(inputs["snapshotPlan"]))
        return id_, _state(api.request("GET", path)["storage_box"], inputs)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        box = api.find(f"/storage_boxes/{operation.id}", "storage_box")
        return (str(box["id"]), _state(box, operation.state)) if box else None

    def update(self, api: Api, operation: Operation) -> Values:
        """In the order of the real provider: what can go wrong comes before name and labels."""
        inputs, path = operation.inputs, f"/storage_boxes/{operation.id}"
        if operation.changed("deleteProtection"):
            _act(api, operation, path, "change_protection", {"delete": inputs["deleteProtection"]})
        if operation.changed("snapshotPlan"):
            plan = inputs.get("snapshotPlan")
            command = "enable_snapshot_plan" if plan else "disable_snapshot_plan"
            _act(api, operation, path, command, plan_of(plan) if plan else None)
        if operation.changed("storageBoxType"):
            _act(api, operation, path, "change_type", {"storage_box_type": inputs["storageBoxType"]})
        if operation.changed("password"):
            _act(api, operation, path, "reset_password", {"password": inputs["password"]})
        access = switches(inputs["accessSettings"], ACCESS)
        if access != switches(operation.state["accessSettings"], ACCESS):
            _act(api, operation, path, "update_access_settings", access)
        body = {name: inputs[name] for name in ("name", "labels") if operation.changed(name)}
        return _state(api.request("PUT", path, body)["storage_box"], inputs)

    def delete(self, api: Api, operation: Operation) -> None:
        path = f"/storage_boxes/{operation.id}"
        if api.find(path, "storage_box") is None:
            return
        if operation.state.get("deleteProtection"):
            _act(api, operation, path, "change_protection", {"delete": False})
        api.act(operation, "DELETE", path)


def switches(settings: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    """Access settings as the API wants them; what is not set is off."""
    return {theirs: bool(settings.get(ours)) for ours, theirs in names.items()}


def shown_switches(access: Json, names: Mapping[str, str]) -> Values:
    """The API's access settings as the program knows them."""
    return {ours: access[theirs] for ours, theirs in names.items()}


def completed(settings: Mapping[str, Any], names: Iterable[str]) -> Values:
    """Access settings with the switches that are not set."""
    return {**dict.fromkeys(names, False), **settings}


def plan_with(names: Iterable[str]) -> Callable[[Values, Values], Values]:
    """What is planned, with all of these switches."""

    def plan(_state: Values, planned: Values) -> Values:
        access = planned["accessSettings"]
        return planned if isinstance(access, Unknown) else {**planned, "accessSettings": completed(access, names)}

    return plan


def plan_of(plan: Mapping[str, Any]) -> Json:
    """A snapshot plan as the API wants it."""
    body = {theirs: plan.get(ours) for ours, theirs in PLAN.items()}
    return body | ({"day_of_week": SUNDAY_THERE} if body["day_of_week"] == SUNDAY_HERE else {})


def shown_plan(plan: Json | None) -> Values | None:
    """The API's snapshot plan as the program knows it."""
    if plan is None:
        return None
    shown = {ours: plan[theirs] for ours, theirs in PLAN.items() if plan[theirs] is not None}
    return shown | ({"dayOfWeek": SUNDAY_HERE} if plan["day_of_week"] == SUNDAY_THERE else {})


def box_state(box: Json) -> Values:
    """What the API tells of a box, but its id."""
    return {
        "name": box["name"],
        "username": box["username"] or "",
        "storageBoxType": box["storage_box_type"]["name"],
        "location": box["location"]["name"],
        "accessSettings": shown_switches(box["access_settings"], ACCESS),
        "server": box["server"] or "",
        "system": box["system"] or "",
        "labels": box["labels"],
        "deleteProtection": box["protection"]["delete"],
        "snapshotPlan": shown_plan(box["snapshot_plan"]),
    }


def _act(api: Api, operation: Operation, path: str, command: str, body: Json | None) -> None:
    api.act(operation, "POST", f"{path}/actions/{command}", body)


def _state(box: Json, known: Values) -> Values:
    return {**box_state(box), **{name: known.get(name) for name in KEPT}}


STORAGE_BOX = ResourceType(
    token="hcloud:index/storageBox:StorageBox",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_hcloud.StorageBoxArgs, pulumi_hcloud.StorageBox),
    operations=StorageBoxes(),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    autoname="name",
    plan_defaults={
        "labels": {},
        "sshKeys": [],
        "deleteProtection": False,
        "accessSettings": dict.fromkeys(ACCESS, False),
    },
    replace_on=frozenset({"location", "sshKeys"}),
    sets=frozenset({"sshKeys"}),
    canonical={"accessSettings": lambda settings: completed(settings, ACCESS)},
    secret_outputs=frozenset({"password"}),
    check=check_labels,
    plan=plan_with(ACCESS),
)
