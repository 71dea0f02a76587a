"""Reads and validates the order of a new server (https://docs.hetzner.cloud, "Create a Server")."""

import re
from dataclasses import dataclass

from offline.sandbox.datacentre import catalogue
from offline.sandbox.datacentre.cloud import Cloud
from offline.sandbox.datacentre.errors import ApiError, conflict, not_found
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.model import PrimaryIp, SshKey

# RFC 1123 host names, as the API demands of server names.
_LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")

MAX_USER_DATA_BYTES = 32 * 1024
DEFAULT_LOCATION = "fsn1"


@dataclass
class ServerOrder:
    """`ipv4` and `ipv6`: a primary IP to use, True for a new one, False for none."""

    type: catalogue.ServerType
    image: catalogue.Image
    location: catalogue.Location
    ssh_keys: list[SshKey]
    ipv4: PrimaryIp | bool
    ipv6: PrimaryIp | bool
    user_data: str
    start: bool
    labels: dict[str, str]


def read_order(form: Form, cloud: Cloud) -> ServerOrder:
    """The order in the form; raises ApiError for what is wrong with it, or not to be had."""
    name = form.text("name") or ""
    if not HOST_NAME.fullmatch(name):
        form.wrong("name", "must be a valid hostname as per RFC 1123")
    user_data = form.text("user_data", maximum=MAX_USER_DATA_BYTES) or ""
    start = form.flag("start_after_create", True)
    labels = form.labels() or {}
    for unsupported in ("networks", "placement_group", "volumes", "firewalls", "automount"):
        if form.raw(unsupported):
            form.wrong(unsupported, "is not supported by the sandbox")
    server_type = _server_type(form)
    location = _location(form)
    form.check()
    image = _image(form, server_type)
    form.check()
    _require_available(server_type, location)
    return ServerOrder(
        type=server_type,
        image=image,
        location=location,
        ssh_keys=[_ssh_key(cloud, wanted) for wanted in form.items("ssh_keys")],
        ipv4=_address(form, cloud, "ipv4", location),
        ipv6=_address(form, cloud, "ipv6", location),
        user_data=user_data,
        start=start,
        labels=labels,
    )


def _server_type(form: Form) -> catalogue.ServerType:
    wanted = form.id_or_name("server_type")
    found = None if wanted is None else catalogue.server_type(wanted)
    if found is None:
        form.wrong("server_type", "is required" if wanted is None else f"server type '{wanted}' does not exist")
    return found or catalogue.SERVER_TYPES[0]


def _location(form: Form) -> catalogue.Location:
    wanted = form.id_or_name("location") or DEFAULT_LOCATION
    found = catalogue.location(wanted)
    if found is None:
        form.wrong("location", f"location '{wanted}' does not exist")
    if form.has("datacenter"):
        form.wrong("datacenter", "was removed, use location")
    return found or catalogue.LOCATIONS[0]


def _image(form: Form, server_type: catalogue.ServerType) -> catalogue.Image:
    wanted = form.id_or_name("image")
    found = None if wanted is None else catalogue.image(wanted, server_type.architecture)
    if found is None:
        form.wrong("image", "is required" if wanted is None else f"image '{wanted}' does not exist")
    elif found.architecture != server_type.architecture:
        form.wrong("image", f"image and server type must have the same architecture ({server_type.architecture})")
    return found or catalogue.IMAGES[0]


def _require_available(server_type: catalogue.ServerType, location: catalogue.Location) -> None:
    if location.name not in server_type.locations:
        raise ApiError(422, "invalid_input", "unsupported location for server type")
    if location.name in server_type.sold_out_in:
        raise ApiError(412, "resource_unavailable", "error during placement: server type is not available there")


def _ssh_key(cloud: Cloud, wanted: object) -> SshKey:
    for key in cloud.project.ssh_key.values():
        if wanted in (key.id, str(key.id), key.name):
            return key
    raise not_found("SSH_key", wanted)


def _address(form: Form, cloud: Cloud, ip_type: str, location: catalogue.Location) -> PrimaryIp | bool:
    public_net = Form(form.raw("public_net") or {})
    enabled = public_net.flag(f"enable_{ip_type}", True)
    number = public_net.number(ip_type)
    public_net.check()
    if not enabled or number is None:
        return enabled
    ip = cloud.project.primary_ip.get(number)
    if ip is None:
        raise not_found("primary_ip", number)
    if ip.type != ip_type:
        raise conflict(412, "primary_ip_version_mismatch", f"primary IP with ID '{number}' is not {ip_type}")
    if ip.server is not None:
        raise conflict(422, "primary_ip_assigned", f"primary IP with ID '{number}' is already assigned to a server")
    if ip.location != location:
        raise conflict(
            422, "primary_ip_datacenter_mismatch", f"primary IP with ID '{number}' is in a different location"
        )
    return ip
