"""Poste's container. A stack runs no other, so the rules hold for each."""

import re
from collections.abc import Iterator
from typing import Any

from components.values import IMAGE as IMAGE_REFERENCE
from policy.model import CONTAINER, IMAGE, UNKNOWN, VOLUME, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

DATA = "/data"
RESTARTS = ("always", "unless-stopped")
IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")


def pinned_image(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """In a protected stack the image is named by its digest, and by a tag that is not `latest`."""
    reference = resource.get("name" if resource.type == IMAGE else "image")
    if not stack.protected or not isinstance(reference, str) or IMAGE_ID.fullmatch(reference):
        return
    parts = IMAGE_REFERENCE.fullmatch(reference)
    if not parts or not parts["digest"]:
        yield f"The image {reference} has no digest."
    if parts and parts["tag"] == "latest":
        yield f"The image {reference} has the tag latest."


def restarted(container: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Docker starts the container again after a crash and after a reboot."""
    policy = container.get("restart")
    if policy is not UNKNOWN and policy not in RESTARTS:
        yield f"The restart policy is {policy or 'no'}."


def named_as_mail_host(container: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """The container's host name is the mail host, with which Poste greets."""
    name = container.get("hostname")
    if name is not UNKNOWN and name != stack.mail_host:
        yield f"The container's hostname is {name}; the mail host is {stack.mail_host}."


def unprivileged(container: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """No privileged mode."""
    if container.get("privileged") is True:
        yield "The container runs in privileged mode."


def published_ports(container: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """In bridge mode only the open rows of the port table, under the same number and on IPv4; else none."""
    mode = container.get("networkMode")
    if mode is UNKNOWN:
        return
    mode = "bridge" if mode in (None, "", "default") else mode
    if mode != stack.network_mode:
        yield f"The container's network mode is {mode}; the stack's networkMode is {stack.network_mode}."
    if container.get("publishAllPorts") is True:
        yield "The container publishes all ports."
    numbers = {port.number for port in stack.ports}
    for port in container.entries("ports"):
        inside, outside = port.get("internal"), port.get("external")
        if mode == "host":
            yield f"Port {outside} is published, though the container shares the host's network."
        elif UNKNOWN in (inside, outside, port.get("protocol")):
            continue
        elif outside not in numbers or inside != outside or port.get("protocol", "tcp") != "tcp":
            yield f"Port {inside} is published as {outside}, which is no port that this stack opens."
        elif not _is_ipv4(port.get("ip")):
            yield f"Port {outside} is published on IPv6 too, where Poste takes every client for Docker's gateway."


def data_kept(container: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """/data is a folder of the server, writable."""
    if container.may_have_more("volumes") or container.may_have_more("mounts"):
        return
    folders = [entry for entry in container.entries("volumes") if entry.get("containerPath") in (DATA, UNKNOWN)]
    mounts = [entry for entry in container.entries("mounts") if entry.get("target") in (DATA, UNKNOWN)]
    if not any(entry.get("hostPath") for entry in folders) and not any(entry.get("source") for entry in mounts):
        yield f"No folder of the server is mounted as {DATA}."
    if any(entry.get("readOnly") is True for entry in [*folders, *mounts]):
        yield f"{DATA} is mounted read-only."


def data_on_volume(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """The folder comes from the volume: it is known only from what has mounted it.

    That is seen in the dependencies, which are known in a preview too, and which a folder written by hand has not.
    """
    for container in resources.of_type(CONTAINER):
        sources = container.uses.get("volumes", frozenset()) | container.uses.get("mounts", frozenset())
        if not any(found.type == VOLUME for found in resources.behind(sources)):
            yield container, f"The folder that is mounted as {DATA} does not come from a volume."


def _is_ipv4(ip: Any) -> bool:
    return ip is UNKNOWN or (isinstance(ip, str) and ":" not in ip and ip != "")


RULES = (
    ResourceRule(
        name="container-image-pinned",
        why="In a protected stack the image is pinned by digest, so that what runs is what was tried.",
        remedy="Set posteImage to the name with its tag and digest, name:tag@sha256:…",
        types=(IMAGE, CONTAINER),
        check=pinned_image,
    ),
    ResourceRule(
        name="container-restarts",
        why="Docker restarts Poste, so that mail flows again after a crash or a reboot.",
        remedy="Set restart to unless-stopped.",
        types=(CONTAINER,),
        check=restarted,
    ),
    ResourceRule(
        name="container-is-mail-host",
        why="Poste greets with the mail host's name, because receivers compare the greeting with the PTR record.",
        remedy="Set hostname to the stack's mailHost.",
        types=(CONTAINER,),
        check=named_as_mail_host,
    ),
    ResourceRule(
        name="container-unprivileged",
        why="The container is not privileged, because a break-in into Poste would then be one into the server.",
        remedy="Take privileged out.",
        types=(CONTAINER,),
        check=unprivileged,
    ),
    ResourceRule(
        name="container-ports",
        why="The container publishes only ports of the port table, and on IPv4 only, or it becomes an open relay.",
        remedy="Use published() of components/poste_container.py in bridge mode, and no ports in host mode.",
        types=(CONTAINER,),
        check=published_ports,
    ),
    ResourceRule(
        name="container-data-kept",
        why="Poste's data is a folder of the server, because what lies inside a container goes with it.",
        remedy="Mount the volume's folder as /data.",
        types=(CONTAINER,),
        check=data_kept,
    ),
    StackRule(
        name="container-data-on-volume",
        why="Poste's data lies on the volume, which outlives the server.",
        remedy="Take the folder from the output of the command that mounts the volume.",
        check=data_on_volume,
    ),
)
