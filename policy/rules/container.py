"""Poste's container. A stack runs no other, so the rules hold for each."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from model.values import IMAGE as IMAGE_REFERENCE
from policy.model import CONTAINER, DOCKER, IMAGE, UNKNOWN, Resource, Resources
from policy.rule import ResourceRule, Settings, StackRule
from policy.stack import Stack

Found = Iterator[tuple[Resource | None, str]]

RESTARTS = ("always", "unless-stopped")
ISOLATION: Mapping[str, tuple[str, ...]] = {
    "privileged": (),
    "pidMode": ("private",),
    "ipcMode": ("private", "none", "shareable"),
    "usernsMode": ("private",),
    "cgroupnsMode": ("private",),
    "cgroupParent": (),
    "devices": (),
    "deviceCgroupRules": (),
    "deviceRequests": (),
    "gpus": (),
    "runtime": ("runc",),
}
"""Properties that take the wall down between container and server, each with the values that leave it standing."""

USUAL_CAPABILITIES = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
"""Those that Docker gives to every container."""

SECURING = ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true")
"""The security options that do not take anything away from what Docker does by itself."""

IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")


def pinned_image(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """In a protected stack the image is named by its digest, and by a tag that is not `latest`."""
    reference = resource.get("name" if resource.type == IMAGE else "image")
    if not stack.settings.protect or not isinstance(reference, str) or IMAGE_ID.fullmatch(reference):
        return
    parts = IMAGE_REFERENCE.fullmatch(reference)
    if not parts or not parts["digest"]:
        yield f"The image {reference} has no digest."
    if parts and parts["tag"] == "latest":
        yield f"The image {reference} has the tag latest."


def configured_image(resource: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """The image is posteImage to the letter; a mirror's is named there too."""
    reference = resource.get("name" if resource.type == IMAGE else "image")
    if isinstance(reference, str) and not IMAGE_ID.fullmatch(reference) and reference != stack.settings.poste_image:
        yield f"The image is {reference}; the stack's posteImage is {stack.settings.poste_image}."


def pulled_image(resources: Resources, _stack: Stack, _settings: Settings) -> Found:
    """The container takes its image's id from the image that was pulled by its name."""
    images = {image.urn for image in resources.of_type(IMAGE)}
    for container in resources.of_type(CONTAINER):
        if not images & container.uses.get("image", frozenset()):
            yield container, "The container's image does not come from an image that this stack pulls."


def only_containers(resource: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Docker has the image and the container, and nothing that runs others, as a service or a plugin does."""
    if resource.type not in (IMAGE, CONTAINER):
        yield f"Docker gets a {resource.type.rpartition(':')[2]}, which is neither Poste's image nor its container."


def restarted(container: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Docker starts the container again after a crash and after a reboot."""
    policy = container.get("restart")
    if policy is not UNKNOWN and policy not in RESTARTS:
        yield f"The restart policy is {policy or 'no'}."


def named_as_mail_host(container: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """The container's host name is the mail host, with which Poste greets."""
    name = container.get("hostname")
    if name is not UNKNOWN and name != stack.settings.mail_host:
        yield f"The container's hostname is {name}; the mail host is {stack.settings.mail_host}."


def unprivileged(container: Resource, _stack: Stack, _settings: Settings) -> Iterator[str]:
    """Nothing of what Docker keeps from a container is given back to it."""
    for name, harmless in ISOLATION.items():
        value = container.get(name)
        if value and value is not UNKNOWN and value not in harmless and not container.may_have_more(name):
            yield f"The container's {name} is {value}." if isinstance(value, str) else f"The container has {name}."
    capabilities = container.get("capabilities")
    added = capabilities.get("adds") if isinstance(capabilities, Mapping) else None
    for capability in added if isinstance(added, list) else ():
        if isinstance(capability, str) and capability.upper().removeprefix("CAP_") not in USUAL_CAPABILITIES:
            yield f"The container has the capability {capability}."
    options = container.get("securityOpts")
    for option in options if isinstance(options, list) else ():
        if isinstance(option, str) and option not in SECURING:
            yield f"The container has the security option {option}."


def published_ports(container: Resource, stack: Stack, _settings: Settings) -> Iterator[str]:
    """In bridge mode only the open rows of the port table, under the same number and on IPv4; else none."""
    mode = container.get("networkMode")
    if mode is UNKNOWN:
        return
    mode = "bridge" if mode in (None, "", "default") else mode
    if mode != stack.settings.network_mode:
        yield f"The container's network mode is {mode}; the stack's networkMode is {stack.settings.network_mode}."
    if container.get("publishAllPorts") is True:
        yield "The container publishes all ports."
    numbers = {port.number for port in stack.settings.ports}
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
        name="container-image-configured",
        why="Only the stack's posteImage runs, because another image gets all mail and all passwords.",
        remedy="Set posteImage to the image that you want, be it from a mirror, and use it.",
        types=(IMAGE, CONTAINER),
        check=configured_image,
    ),
    StackRule(
        name="container-image-pulled",
        why="The container's image is the one that the stack pulled by its name, not any other by its id.",
        remedy="Set image to the RemoteImage's image_id.",
        check=pulled_image,
    ),
    ResourceRule(
        name="docker-container-only",
        why="Docker gets Poste's image and container and nothing else, because no rule looks after what else it could "
        "run or keep.",
        remedy="Take it out.",
        types=(DOCKER,),
        check=only_containers,
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
        why="The container has no privileges, devices, capabilities or namespaces of the server, because a break-in "
        "into Poste would then be one into the server.",
        remedy="Take it out.",
        types=(CONTAINER,),
        check=unprivileged,
    ),
    ResourceRule(
        name="container-ports",
        why="The container publishes only ports of the port table, and on IPv4 only, or it becomes an open relay.",
        remedy="Use published() of components/poste.py in bridge mode, and no ports in host mode.",
        types=(CONTAINER,),
        check=published_ports,
    ),
)
