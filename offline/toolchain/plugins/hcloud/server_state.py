"""What the state holds of a server."""

import base64
import hashlib

from offline.toolchain.plugins.common.resource import Values
from offline.toolchain.plugins.hcloud.api import Json

KEPT = (
    "allowDeprecatedImages",
    "ignoreRemoteFirewallIds",
    "keepDisk",
    "publicNets",
    "shutdownBeforeDeletion",
    "sshKeys",
)
"""Inputs that the API does not tell back."""


def server_state(server: Json, known: Values) -> Values:
    """The outputs: what the API tells, and of the inputs or older outputs `known` what it does not tell."""
    net = server["public_net"]
    v4, v6 = net.get("ipv4") or {}, net.get("ipv6") or {}
    network = v6.get("ip") or ""
    return {
        "name": server["name"],
        "serverType": server["server_type"]["name"],
        "image": _image_name(server.get("image"), known.get("image")),
        "location": server["location"]["name"],
        "status": server["status"],
        "ipv4Address": v4.get("ip"),
        "ipv6Address": network.partition("/")[0] + "1" if network else None,
        "ipv6Network": network or "<nil>",
        "backupWindow": server.get("backup_window") or "",
        "backups": bool(server.get("backup_window")),
        "labels": server["labels"],
        "firewallIds": [entry["id"] for entry in net.get("firewalls", [])],
        "deleteProtection": server["protection"]["delete"],
        "rebuildProtection": server["protection"]["rebuild"],
        "primaryDiskSize": server["primary_disk_size"],
        "userData": _digest_of(known.get("userData")),
        "networks": [],
        "placementGroupId": 0,
        **{name: known.get(name) for name in KEPT},
    }


def digest(user_data: str) -> str:
    """What the state holds of the user data: base64 of its SHA-1, as the real plugin."""
    return base64.b64encode(hashlib.sha1(user_data.encode(), usedforsecurity=False).digest()).decode()


def _digest_of(user_data: str | None) -> str | None:
    """The digest of user data that may be a digest already (when it comes from the state)."""
    if user_data is None or (len(user_data) == len(digest("")) and user_data.endswith("=")):
        return user_data
    return digest(user_data)


def _image_name(image: Json | None, wanted: str | None) -> str | None:
    """The name of an official image, unless the program gave its id; the id of any other."""
    if not image:
        return wanted
    return image["name"] if image["name"] and str(image["id"]) != wanted else str(image["id"])
