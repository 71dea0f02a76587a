"""What is right by itself in the settings but wrong together."""

import ipaddress
from collections import Counter
from collections.abc import Iterator

from model.accounts import EVERYBODY, loops, with_forwards
from model.existing_records import Record, clashes
from model.mta_sts import Mode
from model.networks import is_loopback, open_to_everybody, unreachable
from model.ports import HTTP, HTTPS, INNER, SSH, TABLE
from model.records import spf_policy
from model.relay import Relay
from model.settings import MailDomainSettings, Settings
from model.spf import LOOKUP_LIMIT, lookups
from model.values import IMAGE, is_within, split_host_port
from model.wanted_records import relay_records, wanted_records

Place = tuple[str | int, ...]
"""The way to a value deep in the settings: keys, and positions in lists."""
Contradiction = tuple[str | Place, str]
"""The key to change, or the place below one, and what is wrong with its value and what would be right."""

INSTEAD = {
    ("SPF", "TXT"): "Expected its include: terms in relay.senders",
    ("DMARC", "TXT"): "Leave it out: that policy is for mail through the relay, too",
}
"""What to do with a relay's record in place of one of ours, by the kind of ours and the type of both."""


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """All contradictions in the settings."""
    yield from _of_names(settings)
    yield from _of_access(settings)
    yield from _of_images(settings)
    yield from _of_proxies(settings)
    yield from _of_ports(settings)
    yield from _of_certificate(settings)
    yield from _of_what_others_are_told(settings)
    yield from _of_backup(settings)
    yield from _of_relay(settings)
    yield from _of_heartbeat(settings)
    for index, domain in enumerate(settings.domains):
        yield from _of_accounts(settings, domain, ("domains", index))
    yield from _of_passwords(settings)
    yield from _of_ways(settings)
    yield from _of_deletions(settings)


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


def _of_accounts(settings: Settings, domain: MailDomainSettings, place: Place) -> Iterator[Contradiction]:
    names = [other.name for other in settings.domains]
    times = Counter(domain.addresses)
    named = [((*place, "mailboxes", index), box.address) for index, box in enumerate(domain.mailboxes)]
    named += [((*place, "aliases", alias), alias) for alias in domain.aliases]
    for where, address in named:
        local, _, home = address.rpartition("@")
        if home != domain.name:
            yield where, f"{address} is no address of {domain.name}. Expected one there, or the domain it belongs to"
        if local == EVERYBODY:
            yield where, f"{address} is no single address. Expected catchAll for mail to addresses that nobody has"
        if times[address] > 1:
            yield where, f"{address} is there more than once. Expected it as a mailbox or as an alias, once"
    if settings.admin_address in domain.aliases:
        wrong = f"{settings.admin_address} is adminAddress, which is a mailbox. Expected another alias"
        yield (*place, "aliases", settings.admin_address), wrong
    for index, box in enumerate(domain.mailboxes):
        if box.address == settings.admin_address and (box.disabled or box.administrator is False or box.internal_only):
            right = "Expected an administrator who is not disabled and takes all mail"
            yield (*place, "mailboxes", index), f"{box.address} is adminAddress. {right}"
    for alias, targets in domain.aliases.items():
        for target in targets:
            local, _, home = target.rpartition("@")
            if local == EVERYBODY and home not in names:
                wrong = f"{alias} leads to {target}. Expected a domain of this stack ({', '.join(names)}) behind *@"
                yield (*place, "aliases", alias), wrong
    yield from _of_the_rest(settings, domain, place)


def _of_the_rest(settings: Settings, domain: MailDomainSettings, place: Place) -> Iterator[Contradiction]:
    """Where a domain's mail goes that is for none of its addresses."""
    if domain.catch_all:
        local, _, home = domain.catch_all.rpartition("@")
        if local == EVERYBODY or home not in [other.name for other in settings.domains]:
            wrong = f"catchAll {domain.catch_all} is elsewhere. Expected a mailbox in one of the domains"
            yield (*place, "catchAll"), wrong
    if domain.forward_to:
        to = f"forwardTo {domain.forward_to}"
        if domain.addresses or domain.catch_all:
            wrong = f"{to} leaves {domain.name} without mailboxes, aliases and catchAll of its own"
            yield (*place, "forwardTo"), f"{wrong}. Leave one of both out"
        if settings.admin_address.rpartition("@")[2] == domain.name:
            wrong = f"{to} takes the mail of adminAddress, {settings.admin_address}, away"
            yield (*place, "forwardTo"), f"{wrong}. Expected the administrator in another domain"


def _of_passwords(settings: Settings) -> Iterator[Contradiction]:
    if settings.admin_address in settings.passwords:
        yield "passwords", f"{settings.admin_address} is adminAddress. Expected its password in adminPassword alone"
    for index, domain in enumerate(settings.domains):
        for position, box in enumerate(domain.mailboxes):
            given = box.address in settings.passwords or box.address == settings.admin_address
            if box.password == "always" and not given:  # noqa: S105 - no password
                wrong = f"{box.address} is always to have its password, and the stack has none for it"
                right = f"Set one with: ./run mail mailbox passwd {box.address} --stack STACK"
                yield ("domains", index, "mailboxes", position), f"{wrong}. {right}"


def _of_ways(settings: Settings) -> Iterator[Contradiction]:
    """Mail that would go round for ever."""
    forwards = {domain.name: domain.forward_to for domain in settings.domains if domain.forward_to}
    aliases = {alias: targets for domain in settings.domains for alias, targets in settings.aliases(domain).items()}
    right = "Expected a mailbox, or somebody elsewhere, at the end"
    round_and_round = loops({name: [to] for name, to in forwards.items()})
    for way in round_and_round:
        yield "domains", f"forwardTo: {' leads to '.join(way)}. {right}"
    if not round_and_round:
        for way in loops(with_forwards(aliases, forwards)):
            yield "domains", f"aliases: {' leads to '.join(way)}. {right}"


def _of_deletions(settings: Settings) -> Iterator[Contradiction]:
    kept = {settings.admin_address, *(address for domain in settings.domains for address in domain.addresses)}
    for address in sorted(kept & set(settings.delete_mailboxes)):
        yield "deleteMailboxes", f"{address} is in the settings. Take it off there first, or leave it out here"
    for name in sorted({domain.name for domain in settings.domains} & set(settings.delete_domains)):
        yield "deleteDomains", f"{name} is in the settings. Take it off there first, or leave it out here"


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


def _of_what_others_are_told(settings: Settings) -> Iterator[Contradiction]:
    """What senders, receivers and mail programs would hold against the domains."""
    untrusted = settings.certificate.startswith("none") or settings.certificate == "staging"
    modes: dict[str | Place, Mode | None] = {"mtaSts": settings.mta_sts}
    modes |= {("domains", index, "mtaSts"): domain.mta_sts for index, domain in enumerate(settings.domains)}
    for place, mode in modes.items():
        if mode == "enforce" and untrusted:
            wrong = f"certificate is {settings.certificate.partition(',')[0]}, which senders do not trust"
            yield place, f"mtaSts enforce, and {wrong}, so none would deliver. Expected testing, or another certificate"
    if settings.acme_issuer and not settings.acme_server:
        yield "acmeIssuer", "is for acmeServer, which is not set. Leave it out: Let's Encrypt's name is known"
    known = {domain.zone_name for domain in settings.domains}
    if not any(domain.zone_id and not domain.zone for domain in settings.domains):
        for name in sorted(set(settings.dnssec) - known):
            yield "dnssec", f"{name} is the zone of none of the domains. Expected some of {', '.join(sorted(known))}"
    for index, domain in enumerate(settings.domains):
        if domain.bimi and not domain.dmarc.is_strict:
            wrong = f"receivers show a logo only where the DMARC policy of {domain.name} is quarantine or reject"
            yield ("domains", index, "bimi"), f"{wrong}, for subdomains, too, and not in testing. Leave one of both out"


def _challenge_fails(settings: Settings) -> str:
    """Why nobody gets an answer on port 80; empty if everybody does."""
    if not settings.https:
        return "https is off, so another machine answers there"
    if settings.reverse_proxy_cidrs and not open_to_everybody(settings.reverse_proxy_cidrs):
        return "reverseProxyCidrs opens it to the proxy only"
    if settings.http_port != HTTP.number:
        return f"httpPort is {settings.http_port}"
    return ""


def _of_backup(settings: Settings) -> Iterator[Contradiction]:
    backup = settings.backup
    if backup is None:
        return
    if settings.backup_passphrase is None:
        wrong = "is missing, and nothing leaves the server unencrypted"
        yield "backupPassphrase", f"{wrong}. Make one and keep it elsewhere, too: openssl rand -base64 24"
    if backup.storage_box:
        if settings.backup_key is None:
            wrong = "is missing: with it you, and nobody on the server, may delete backups"
            yield "backupKey", f'{wrong}. Made for example by: ssh-keygen -t ed25519 -N ""'
        elif settings.backup_public_key in (settings.ssh_public_key, settings.ssh_host_public_key):
            wrong = "is the same key as sshPrivateKey or sshHostKey"
            yield "backupKey", f"{wrong}. Expected one of its own, so that either can be changed alone"
        if settings.storage_box_password is None:
            yield (
                "storageBoxPassword",
                "is missing. Expected 12 or more letters, digits and specials, in the state only",
            )
        if settings.backup_environment:
            yield "backupEnvironment", "is for backup.repository, and backup has a storageBox. Leave one of both out"
    elif backup.ssh and not backup.host_key:
        wrong = f"has no hostKey, so the server could not tell {backup.ssh.host} from another"
        yield "backup", f"{wrong}. Expected its public host key, as ssh-keyscan -p {backup.ssh.port} prints it"


def _of_relay(settings: Settings) -> Iterator[Contradiction]:
    relay = settings.relay
    if relay is None:
        return
    if relay.host in (settings.mail_host, *settings.former_mail_hosts):
        wrong = f"{relay.host} is this mail server itself, so mail would go round"
        yield ("relay", "host"), f"{wrong}. Expected another's, for example smtp.example.net"
    for index, domain in enumerate(settings.domains):
        count = lookups(spf_policy(settings.senders(domain), domain.spf, a=domain.spf_a).split())
        if count > LOOKUP_LIMIT and relay.senders:
            wrong = f"with them the SPF policy of {domain.name} costs {count} look-ups, and receivers stop at"
            right = f"Expected fewer include:, a: and mx: terms, here or in domains[{index}].senders"
            yield ("relay", "senders"), f"{wrong} {LOOKUP_LIMIT} (RFC 7208, section 4.6.4). {right}"
    yield from _of_its_records(settings, relay)


def _of_heartbeat(settings: Settings) -> Iterator[Contradiction]:
    for channel, host in settings.heartbeat.hosts.items() if settings.heartbeat else ():
        if is_loopback(host) or host in settings.certificate_names:
            wrong = f"{host} is this mail server itself, which cannot tell anybody that it is gone"
            yield ("heartbeat", channel), f"{wrong}. Expected a service on another machine"


def _of_its_records(settings: Settings, relay: Relay) -> Iterator[Contradiction]:
    """What a relay wants in DNS has a zone, and a place where nothing else of ours stands."""
    outside = [
        asked for asked in relay.records if not any(is_within(asked.name, d.zone_name) for d in settings.domains)
    ]
    if outside:
        for index, asked in enumerate(relay.records):
            if asked in outside:
                listed = ", ".join(domain.name for domain in settings.domains)
                wrong = f"{asked.name} lies in the zone of none of the domains ({listed})"
                yield (
                    ("relay", "records", index, "name"),
                    f"{wrong}. Expected the whole name, with the domain behind it",
                )
        return
    for index, asked in enumerate(relay.records):
        zone = settings.zone_holder(asked.name).zone_name
        if is_within(asked.name, f"{zone}.{zone}"):
            yield ("relay", "records", index, "name"), f"{asked.name} ends with {zone} twice. Expected it once"
    if len(set(relay.records)) < len(relay.records):
        for index, asked in enumerate(relay.records):
            if asked in relay.records[:index]:
                wrong = f"{asked.type} of {asked.name} is the same as one before"
                yield ("relay", "records", index), f"{wrong}. Expected each record once"
        return
    # Elsewhere than in the settings' own names there is nothing to tell, so the others are looked at once.
    if any(not any(is_within(host, d.zone_name) for d in settings.domains) for host in settings.certificate_names):
        return
    wanted = [want for want in wanted_records(settings) if want.kind != "web"]
    asked_for = list(relay_records(settings))
    for index, ours in enumerate(asked_for):
        zone = settings.zone_holder(ours.name).zone_name
        record = Record("", ours.name, ours.type, ours.content or "")
        for other in wanted:
            if other.resource != ours.resource and (
                clashes(other, record, zone) or (ours.type == "CNAME" and other.name == ours.name)
            ):
                wrong = f"{ours.name} {ours.type} cannot stand beside this stack's own {other.kind} record there"
                right = INSTEAD.get((other.kind, ours.type), "Expected another name, as relays offer one")
                yield ("relay", "records", index), f"{wrong}. {right}"
                break
