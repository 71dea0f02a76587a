"""What is right by itself in the settings but wrong together."""

import ipaddress
from collections.abc import Iterator

from model.networks import is_loopback, open_to_everybody, unreachable
from model.ports import HTTP, HTTPS, INNER, SSH, TABLE
from model.settings import Settings
from model.values import IMAGE, is_within, split_host_port

Contradiction = tuple[str, str]
"""The key to change, and what is wrong with its value and what would be right."""


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """All contradictions in the settings."""
    yield from _of_names(settings)
    yield from _of_access(settings)
    yield from _of_images(settings)
    yield from _of_proxies(settings)
    yield from _of_ports(settings)
    yield from _of_certificate(settings)


def _of_names(settings: Settings) -> Iterator[Contradiction]:
    names = [domain.name for domain in settings.domains]
    listed = ", ".join(names)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield "domains", f"{name} is listed {names.count(name)} times. Expected each domain once"
    for key, hosts in (("mailHost", [settings.mail_host]), ("formerMailHosts", settings.former_mail_hosts)):
        for host in hosts:
            if not any(is_within(host, domain.zone_name) for domain in settings.domains):
                wrong = f"{host} lies in the zone of none of the domains ({listed})"
                yield key, f"{wrong}. {_right_zone(settings, host)}"
    if settings.mail_host in settings.former_mail_hosts:
        wrong = f"{settings.mail_host} is the mail host of today"
        yield "formerMailHosts", f"{wrong}. Expected earlier names only, or leave the setting out"
    if settings.admin_address.rpartition("@")[2] not in names:
        wrong = f"{settings.admin_address} belongs to none of the domains ({listed})"
        yield "adminAddress", f"{wrong}. Expected an address in one of them, for example admin@{names[0]}"


def _right_zone(settings: Settings, host: str) -> str:
    """What would be right for a host whose zone is not known: another name, or the zone's name."""
    for index, domain in enumerate(settings.domains):
        # An identifier alone does not tell which names the zone holds.
        if domain.zone_id and not domain.zone and is_within(host, domain.name.partition(".")[2]):
            zone = domain.name.partition(".")[2]
            return (
                f"If it lies in the zone that domains[{index}].zoneId names, set domains[{index}].zone to {zone}, too"
            )
    return f"Expected a name in one of them, for example mail.{settings.domains[0].name}"


def _of_access(settings: Settings) -> Iterator[Contradiction]:
    right = "Expected your own networks, for example ['198.51.100.7/32']"
    for cidr in settings.admin_cidrs:
        if reason := unreachable(cidr):
            wrong = f"from {cidr} ({reason}) nobody reaches a server on the Internet"
            yield "adminCidrs", f"{wrong}. Expected the address that you have there, for example 198.51.100.7/32"
    if settings.protect and open_to_everybody(settings.admin_cidrs):
        yield "adminCidrs", f"opens SSH to the whole world in a protected stack. {right}"
    elif not any(ipaddress.ip_network(cidr).version == 4 for cidr in settings.admin_cidrs):
        wrong = "has IPv6 networks only, but this program, which must reach the server too, calls it on IPv4"
        yield "adminCidrs", f"{wrong}. Expected an IPv4 network beside them, for example 198.51.100.7/32"
    if settings.ssh_public_key == settings.ssh_host_public_key:
        # The host's key lies on the server's disk and in its user data; the other one opens the server.
        wrong = "is the same key as sshPrivateKey, so whoever read the server's disk could log in with it"
        yield "sshHostKey", f'{wrong}. Expected a key of its own, made for example by: ssh-keygen -t ed25519 -N ""'


def _of_images(settings: Settings) -> Iterator[Contradiction]:
    image = IMAGE.fullmatch(settings.poste_image)
    if settings.protect and image and not image["digest"]:
        wrong = f"{settings.poste_image} has no digest, so a protected stack could run another image tomorrow"
        yield "posteImage", f"{wrong}. Expected {image['name']}:{image['tag']}@sha256:<64 hex digits>"


def _of_proxies(settings: Settings) -> Iterator[Contradiction]:
    right = "Expected the networks of a proxy on another machine, for example ['198.51.100.9/32']"
    for cidr in settings.reverse_proxy_cidrs:
        if is_loopback(cidr):
            wrong = f"{cidr} is the server itself, where the firewalls would open no port for a proxy"
            yield "reverseProxyCidrs", f"{wrong}. {right}"
    if not settings.https and not settings.reverse_proxy_cidrs:
        wrong = "is off with nothing in front, so passwords would cross the network in clear"
        yield "https", f"{wrong}. Set reverseProxyCidrs to the proxy that encrypts, for example ['198.51.100.9/32']"
    if not settings.https and open_to_everybody(settings.reverse_proxy_cidrs):
        wrong = "lets the whole world in, while https is off, so passwords would cross the network in clear"
        yield "reverseProxyCidrs", f"{wrong}. {right}"


def _of_ports(settings: Settings) -> Iterator[Contradiction]:
    taken = {port.number: port.service for port in TABLE if port not in (HTTP, HTTPS)}
    taken |= {SSH: "SSH"} | dict.fromkeys(INNER, "one of Poste's own parts")
    if settings.elasticsearch:
        host, port = split_host_port(settings.elasticsearch)
        if is_loopback(host) and settings.network_mode == "bridge":
            wrong = f"{host} is the container itself in networkMode bridge"
            yield "elasticsearch", f"{wrong}. Expected an address outside of it, for example 10.0.0.5:9200"
        elif is_loopback(host):
            taken.setdefault(port, "Elasticsearch")
    for key, number in (("httpPort", settings.http_port), ("httpsPort", settings.https_port)):
        if number in taken:
            yield key, f"{number} is the port of {taken[number]}. Expected a free one, for example 8080 or 4433"
    if settings.http_port == settings.https_port:
        yield "httpsPort", f"{settings.https_port} is httpPort too. Expected two different ports, for example 443"


def _of_certificate(settings: Settings) -> Iterator[Contradiction]:
    proxied = not settings.https or settings.reverse_proxy_cidrs
    given = {
        "certificateEmail": settings.certificate_email,
        "acmeServer": settings.acme_server,
        "acmeKeyId": settings.acme_key_id,
        "acmeHmacKey": settings.acme_hmac_key,
    }
    if settings.certificate.startswith("none"):
        for key in (key for key, value in given.items() if value):
            yield key, "is for a certificate, and certificate is none. Leave one of both out"
        if not settings.no_certificate_because and not proxied:
            wrong = "leaves clients with a certificate that none of them trusts"
            yield (
                "certificate",
                f"{wrong}. Expected the reason behind it, for example: none, since ours is put there by hand",
            )
        return
    if reason := _challenge_fails(settings):
        wrong = f"the authority asks on port {HTTP.number}, from anywhere (RFC 8555, section 8.3), and {reason}"
        yield "certificate", f"{wrong}. Expected none, or that port open"
    if settings.certificate == "staging" and settings.acme_server:
        yield "acmeServer", "is another authority than certificate says, which is staging. Leave one of both out"
    if settings.acme_key_id and not settings.acme_hmac_key:
        yield "acmeHmacKey", "is missing beside acmeKeyId. Expected both as the authority gave them"
    if settings.acme_hmac_key and not settings.acme_key_id:
        yield "acmeKeyId", "is missing beside acmeHmacKey. Expected both as the authority gave them"
    if settings.acme_key_id and settings.acme_hmac_key and not settings.acme_server:
        yield "acmeServer", "is missing: Let's Encrypt has no account binding. Expected the authority of acmeKeyId"


def _challenge_fails(settings: Settings) -> str:
    """Why nobody gets an answer on port 80; empty if everybody does."""
    if not settings.https:
        return "https is off, so another machine answers there"
    if settings.reverse_proxy_cidrs and not open_to_everybody(settings.reverse_proxy_cidrs):
        return "reverseProxyCidrs opens it to the proxy only"
    if settings.http_port != HTTP.number:
        return f"httpPort is {settings.http_port}"
    return ""
