"""The data sources: a server type, an image, and what a project holds."""

import hashlib
from collections.abc import Callable
from datetime import datetime

import pulumi_hcloud

from offline.toolchain.plugins.common.resource import Function, ProviderError, Values
from offline.toolchain.plugins.common.schema import function_schema
from offline.toolchain.plugins.common.values import without_none
from offline.toolchain.plugins.hcloud.api import Api, Json
from offline.toolchain.plugins.hcloud.server_state import server_state
from offline.toolchain.plugins.hcloud.storage_box import box_state


def get_server_type(api: Api, arguments: Values) -> Values:
    if arguments.keys() != {"name"}:
        raise ProviderError("this stand-in finds a server type by name, and by nothing else")
    found = next(api.every("/server_types", "server_types", **arguments), None)
    if found is None:
        raise ProviderError(f"Resource (server type) was not found: {_shown(arguments)}")
    return _server_type(found)


def get_image(api: Api, arguments: Values) -> Values:
    query: Json = {"architecture": arguments.get("withArchitecture", "x86"), "name": arguments.get("name")}
    if query["name"] is None or arguments.keys() - {"name", "withArchitecture"}:
        raise ProviderError("this stand-in finds an image by name and withArchitecture, and by nothing else")
    found = list(api.every("/images", "images", **query))
    if not found:
        raise ProviderError(f"Resource (image) was not found: {_shown(query)}")
    return {**arguments, **_image(found[0])}


def _every(path: str, key: str, convert: Callable[[Json], Values]) -> Callable[..., Values]:
    """All of a kind."""

    def call(api: Api, arguments: Values) -> Values:
        if arguments:
            raise ProviderError(f"this stand-in lists all of {path}, without {', '.join(arguments)}")
        entries = list(api.every(f"/{path}", path))
        numbers = [str(entry["id"]) for entry in entries]
        digest = hashlib.sha1("-".join(numbers).encode(), usedforsecurity=False).hexdigest()
        return {"id": digest, key: [convert(entry) for entry in entries]}

    return call


def _shown(query: Json) -> str:
    return " ".join(f"{key}={value}" for key, value in query.items())


def get_storage_boxes(api: Api, arguments: Values) -> Values:
    selector = arguments.get("withSelector")
    query = {"label_selector": selector} if selector else {}
    found = api.every("/storage_boxes", "storage_boxes", **query)
    return {**arguments, "storageBoxes": [{"id": entry["id"], **without_none(box_state(entry))} for entry in found]}


def get_storage_box_types(api: Api, _arguments: Values) -> Values:
    return {"storageBoxTypes": [_box_type(entry) for entry in api.every("/storage_box_types", "storage_box_types")]}


def _server_type(entry: Json) -> Values:
    locations = [
        {
            "id": place["id"],
            "name": place["name"],
            "available": place.get("available", True),
            "recommended": place.get("recommended", False),
            **_deprecation(place),
        }
        for place in entry.get("locations", [])
    ]
    return {
        "id": entry["id"],
        "name": entry["name"],
        "description": entry["description"],
        "category": entry.get("category", ""),
        "cores": entry["cores"],
        "memory": int(entry["memory"]),
        "disk": entry["disk"],
        "storageType": entry["storage_type"],
        "cpuType": entry["cpu_type"],
        "architecture": entry["architecture"],
        "includedTraffic": entry.get("included_traffic") or 0,
        "locations": locations,
        **_deprecation(entry),
    }


def _server(entry: Json) -> Values:
    state = server_state(entry, {})
    same = (
        "name", "serverType", "image", "location", "status", "ipv4Address", "ipv6Address", "ipv6Network",
        "backupWindow", "backups", "labels", "firewallIds", "deleteProtection", "rebuildProtection",
        "primaryDiskSize", "networks", "placementGroupId",
    )  # fmt: skip
    return {name: state[name] for name in same} | {"id": entry["id"], "datacenter": "", "iso": "", "rescue": ""}


def _volume(entry: Json) -> Values:
    return {
        "id": entry["id"],
        "name": entry["name"],
        "size": entry["size"],
        "location": entry["location"]["name"],
        "serverId": entry["server"],
        "linuxDevice": entry["linux_device"],
        "deleteProtection": entry["protection"]["delete"],
        "labels": entry["labels"],
    }


def _primary_ip(entry: Json) -> Values:
    address, _, length = entry["ip"].partition("/")
    return {
        "id": entry["id"],
        "name": entry["name"],
        "type": entry["type"],
        "ipAddress": address,
        "ipNetwork": entry["ip"] if length else "",
        "location": entry["location"]["name"],
        "datacenter": "",
        "assigneeId": entry["assignee_id"] or 0,
        "assigneeType": entry["assignee_type"],
        "autoDelete": entry["auto_delete"],
        "deleteProtection": entry["protection"]["delete"],
        "labels": entry["labels"],
    }


def _ssh_key(entry: Json) -> Values:
    return {
        "id": entry["id"],
        "name": entry["name"],
        "fingerprint": entry["fingerprint"],
        "publicKey": entry["public_key"],
        "labels": entry["labels"],
    }


def _firewall(entry: Json) -> Values:
    return {"id": entry["id"], "name": entry["name"], "labels": entry["labels"]}


def _box_type(entry: Json) -> Values:
    same = ("id", "name", "description", "size")
    return {
        **{name: entry[name] for name in same},
        "snapshotLimit": entry["snapshot_limit"],
        "automaticSnapshotLimit": entry["automatic_snapshot_limit"],
        "subaccountsLimit": entry["subaccounts_limit"],
        **_deprecation(entry),
    }


def _image(entry: Json) -> Values:
    return {
        "id": entry["id"],
        "type": entry["type"],
        "name": entry["name"] or "",
        "description": entry["description"],
        "labels": entry["labels"],
        "created": _time(entry["created"]),
        "osFlavor": entry["os_flavor"],
        "osVersion": entry["os_version"] or "",
        "architecture": entry["architecture"],
        "rapidDeploy": entry["rapid_deploy"],
        "deprecated": _time(entry["deprecated"]) if entry.get("deprecated") else None,
        **_deprecation(entry),
    }


def _deprecation(entry: Json) -> Values:
    found = entry.get("deprecation")
    return {
        "isDeprecated": bool(found),
        "deprecationAnnounced": _time(found["announced"]) if found else "",
        "unavailableAfter": _time(found["unavailable_after"]) if found else "",
    }


def _time(text: str) -> str:
    """RFC 3339 with `Z` for UTC, as Go prints it."""
    return datetime.fromisoformat(text).isoformat(timespec="seconds").replace("+00:00", "Z")


get_servers = _every("servers", "servers", _server)
get_volumes = _every("volumes", "volumes", _volume)
get_primary_ips = _every("primary_ips", "primaryIps", _primary_ip)
get_ssh_keys = _every("ssh_keys", "sshKeys", _ssh_key)
get_firewalls = _every("firewalls", "firewalls", _firewall)

FUNCTIONS = tuple(
    Function(f"hcloud:index/{name}:{name}", function_schema(source, result), call)
    for name, source, result, call in (
        ("getServerType", pulumi_hcloud.get_server_type, pulumi_hcloud.GetServerTypeResult, get_server_type),
        ("getImage", pulumi_hcloud.get_image, pulumi_hcloud.GetImageResult, get_image),
        ("getServers", pulumi_hcloud.get_servers, pulumi_hcloud.GetServersResult, get_servers),
        ("getVolumes", pulumi_hcloud.get_volumes, pulumi_hcloud.GetVolumesResult, get_volumes),
        ("getPrimaryIps", pulumi_hcloud.get_primary_ips, pulumi_hcloud.GetPrimaryIpsResult, get_primary_ips),
        ("getSshKeys", pulumi_hcloud.get_ssh_keys, pulumi_hcloud.GetSshKeysResult, get_ssh_keys),
        ("getFirewalls", pulumi_hcloud.get_firewalls, pulumi_hcloud.GetFirewallsResult, get_firewalls),
        (
            "getStorageBoxes",
            pulumi_hcloud.get_storage_boxes,
            pulumi_hcloud.GetStorageBoxesResult,
            get_storage_boxes,
        ),
        (
            "getStorageBoxTypes",
            pulumi_hcloud.get_storage_box_types,
            pulumi_hcloud.GetStorageBoxTypesResult,
            get_storage_box_types,
        ),
    )
)
