"""What is right by itself in the settings but wrong together."""

import ipaddress
from collections.abc import Iterator

from components.ports import HTTP, HTTPS, SSH, TABLE
from components.settings import Settings
from components.values import IMAGE, is_within

Contradiction = tuple[str, str]
"""The key to change, and what is wrong with its value and what would be right."""


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """All contradictions in the settings."""
    yield from _of_names(settings)
    yield from _of_safety(settings)
    yield from _of_ports(settings)


def _of_names(settings: Settings) -> Iterator[Contradiction]:
    names = [domain.name for domain in settings.domains]
    listed = ", ".join(names)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield "domains", f"{name} is listed {names.count(name)} times. Expected each domain once"
    if not any(is_within(settings.mail_host, domain.zone_name) for domain in settings.domains):
        wrong = f"{settings.mail_host} lies in the zone of none of the domains ({listed})"
        yield "mailHost", f"{wrong}. Expected a name in one of them, for example mail.{names[0]}"
    if settings.admin_address.rpartition("@")[2] not in names:
        wrong = f"{settings.admin_address} belongs to none of the domains ({listed})"
        yield "adminAddress", f"{wrong}. Expected an address in one of them, for example admin@{names[0]}"


def _of_safety(settings: Settings) -> Iterator[Contradiction]:
    if settings.protect and any(ipaddress.ip_network(cidr).prefixlen == 0 for cidr in settings.admin_cidrs):
        wrong = "opens SSH to the whole world in a protected stack"
        yield "adminCidrs", f"{wrong}. Expected your own networks, for example ['198.51.100.7/32']"
    image = IMAGE.fullmatch(settings.poste_image)
    if settings.protect and image and not image["digest"]:
        wrong = f"{settings.poste_image} has no digest, so a protected stack could run another image tomorrow"
        yield "posteImage", f"{wrong}. Expected {image['name']}:{image['tag']}@sha256:<64 hex digits>"
    if not settings.https and not settings.reverse_proxy_cidrs:
        wrong = "is off with nothing in front, so passwords would cross the network in clear"
        right = "reverseProxyCidrs to name the proxy that encrypts, for example ['127.0.0.1/32'] for one on the server"
        yield "https", f"{wrong}. Expected {right}"


def _of_ports(settings: Settings) -> Iterator[Contradiction]:
    taken = {SSH: "SSH"} | {port.number: port.service for port in TABLE if port not in (HTTP, HTTPS)}
    for key, number in (("httpPort", settings.http_port), ("httpsPort", settings.https_port)):
        if number in taken:
            yield key, f"{number} is the port of {taken[number]}. Expected a free one, for example 8080 or 4433"
    if settings.http_port == settings.https_port:
        yield "httpsPort", f"{settings.https_port} is httpPort too. Expected two different ports, for example 443"
