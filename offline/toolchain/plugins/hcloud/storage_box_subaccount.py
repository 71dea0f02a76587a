"""`hcloud:index/storageBoxSubaccount:StorageBoxSubaccount`."""

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import resource_schema
from offline.toolchain.plugins.hcloud.api import Api, ApiError, Json, retry
from offline.toolchain.plugins.hcloud.labels import check_labels
from offline.toolchain.plugins.hcloud.storage_box import completed, plan_with, shown_switches, switches

ACCESS = {
    "reachableExternally": "reachable_externally",
    "sambaEnabled": "samba_enabled",
    "sshEnabled": "ssh_enabled",
    "webdavEnabled": "webdav_enabled",
    "readonly": "readonly",
}


class Subaccounts:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        body = {
            "name": inputs["name"],
            "home_directory": inputs["homeDirectory"],
            "password": inputs["password"],
            "description": inputs["description"],
            "labels": inputs["labels"],
            "access_settings": switches(inputs["accessSettings"], ACCESS),
        }
        # A box makes one at a time.
        path = f"/storage_boxes/{inputs['storageBoxId']}/subaccounts"
        answer = retry(operation, ("locked",), lambda: api.request("POST", path, body))
        id_ = str(answer["subaccount"]["id"])
        operation.exists(id_)
        api.settle(operation, answer)
        return id_, _state(api.request("GET", f"{path}/{id_}")["subaccount"], inputs)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        imported_from, _, number = operation.id.rpartition("/")
        box = imported_from or operation.state.get("storageBoxId")
        if not box:
            raise ProviderError(f"invalid import id, expected $STORAGE_BOX_ID/$SUBACCOUNT_ID, got {operation.id}")
        found = api.find(f"/storage_boxes/{box}/subaccounts/{number}", "subaccount")
        return (str(found["id"]), _state(found, operation.state)) if found else None

    def update(self, api: Api, operation: Operation) -> Values:
        inputs, path = operation.inputs, _path(operation)
        if operation.changed("homeDirectory"):
            body: Json = {"home_directory": inputs["homeDirectory"]}
            _act(api, operation, "change_home_directory", body)
        if operation.changed("password"):
            _act(api, operation, "reset_subaccount_password", {"password": inputs["password"]})
        access = switches(inputs["accessSettings"], ACCESS)
        if access != switches(operation.state["accessSettings"], ACCESS):
            _act(api, operation, "update_access_settings", access)
        body = {name: inputs[name] for name in ("name", "description", "labels") if operation.changed(name)}
        return _state(api.request("PUT", path, body)["subaccount"], inputs)

    def delete(self, api: Api, operation: Operation) -> None:
        """Remove the account; its folder stays."""
        try:
            retry(operation, ("locked",), lambda: api.act(operation, "DELETE", _path(operation)))
        except ApiError as error:
            if error.code != "not_found":
                raise


def _path(operation: Operation) -> str:
    return f"/storage_boxes/{operation.state['storageBoxId']}/subaccounts/{operation.id}"


def _act(api: Api, operation: Operation, command: str, body: Json) -> None:
    path = f"{_path(operation)}/actions/{command}"
    retry(operation, ("locked",), lambda: api.act(operation, "POST", path, body))


def _state(found: Json, known: Values) -> Values:
    return {
        "storageBoxId": found["storage_box"],
        "name": found["name"],
        "username": found["username"],
        "homeDirectory": found["home_directory"],
        "server": found["server"],
        "description": found["description"],
        "labels": found["labels"],
        "accessSettings": shown_switches(found["access_settings"], ACCESS),
        "password": known.get("password"),
    }


STORAGE_BOX_SUBACCOUNT = ResourceType(
    token="hcloud:index/storageBoxSubaccount:StorageBoxSubaccount",  # noqa: S106  (a type token)
    schema=resource_schema(pulumi_hcloud.StorageBoxSubaccountArgs, pulumi_hcloud.StorageBoxSubaccount),
    operations=Subaccounts(),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    autoname="name",
    plan_defaults={"labels": {}, "description": "", "accessSettings": dict.fromkeys(ACCESS, False)},
    replace_on=frozenset({"storageBoxId"}),
    canonical={"accessSettings": lambda settings: completed(settings, ACCESS)},
    secret_outputs=frozenset({"password"}),
    check=check_labels,
    plan=plan_with(ACCESS),
)
