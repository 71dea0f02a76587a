"""All DNS records that the settings ask for, known before the deploy but for what the server and Poste will add."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from model import bimi, mta_sts
from model.dkim_rotation import Rotation, record
from model.existing_records import Wanted
from model.lasting_records import NO_MAIL, SENDS, SENDS_NOT
from model.records import dmarc, dmarc_name, dmarc_report_name, fqdn, spf_policy, tls_reports, tls_reports_name
from model.service_records import services
from model.settings import MailDomainSettings, Settings
from model.values import EmailAddress, is_within
from model.web_hosts import web_hosts


def wanted_records(
    settings: Settings, rotations: Mapping[str, Rotation] | None = None, validated: Collection[str] = ()
) -> Iterator[Wanted]:
    """The records of all mail hosts and domains.

    `rotations` are those of the domains' DKIM keys, if they are known, `validated` the domains whose zone resolvers can
    validate.
    """
    for host in settings.certificate_names:
        yield from host_records(host, settings)
        yield from issuer_records(host, settings)
    yield from key_records(settings, validated)
    yield from relay_records(settings)
    for domain in settings.domains:
        yield from domain_records(domain, settings, rotations[domain.name] if rotations else None)
        for host in web_hosts(domain, settings):
            yield from web_records(host, domain)


def host_records(host: str, settings: Settings) -> Iterator[Wanted]:
    """The address records of a present or former mail host: A and, where Poste serves IPv6, AAAA; and who sends as it.

    A bounce has no sender, so that SPF is asked about the host's name (RFC 7208, section 2.4). A former host sends and
    gets no mail. Where the host is a mail domain, too, that has these records.
    """
    domain = settings.zone_holder(host).name
    yield Wanted(f"{host}-a", "address", domain, host, "A")
    if settings.serves_ipv6:
        yield Wanted(f"{host}-aaaa", "address", domain, host, "AAAA")
    if any(host == mail_domain.name for mail_domain in settings.domains):
        return
    if host == settings.mail_host:
        yield Wanted(f"{host}-spf", "host SPF", domain, host, "TXT", SENDS)
    else:
        yield from _no_mail(host, domain)


def issuer_records(host: str, settings: Settings) -> Iterator[Wanted]:
    """Who may issue a certificate for a mail host (CAA, RFC 8659).

    It holds for all names below it, too. So there is none at a zone's own name, nor above a host that Cloudflare has to
    get a certificate for.
    """
    holder = settings.zone_holder(host)
    above = any(is_within(web_host, host) for domain in settings.domains for web_host in web_hosts(domain, settings))
    if settings.issuer and host != holder.zone_name and not above:
        yield Wanted(f"{host}-caa", "CAA", holder.name, host, "CAA")


def key_records(settings: Settings, validated: Collection[str]) -> Iterator[Wanted]:
    """The certificate's present and next key at port 25 (TLSA, RFC 7672), which count where DNSSEC validates.

    They stand at each name of the certificate: mail still comes to a former mail host, which is the same server.
    """
    for host in settings.certificate_names if settings.acme_directory else ():
        holder = settings.zone_holder(host)
        if holder.name in validated:
            for slot in ("0", "1"):
                yield Wanted(f"{host}-tlsa-{slot}", "TLSA", holder.name, fqdn("_25._tcp", host), "TLSA")


def relay_records(settings: Settings) -> Iterator[Wanted]:
    """What the relay wants in the domains' DNS: its DKIM keys, and where mail that it cannot deliver goes back to."""
    names: Counter[str] = Counter()
    for asked in settings.relay.records if settings.relay else ():
        resource = f"{asked.name}-relay-{asked.type.lower()}"
        names[resource] += 1
        again = f"-{names[resource]}" if names[resource] > 1 else ""
        place = (settings.zone_holder(asked.name).name, asked.name, asked.type)
        yield Wanted(f"{resource}{again}", "relay", *place, asked.content, asked.priority)


def domain_records(
    domain: MailDomainSettings, settings: Settings, rotation: Rotation | None = None
) -> Iterator[Wanted]:
    """What makes a domain a mail domain: SPF, DMARC, DKIM and MX, what else senders and mail programs are told, and the
    consent of our other domains that get reports about it.

    Where the rotation of its DKIM keys is not known, the former key may have a record, too.
    """
    name = domain.name
    known_spf = spf_policy(settings.senders(domain), domain.spf, a=domain.spf_a)
    rua, ruf = report_addresses(domain, settings)
    policy = dmarc(domain.dmarc.policy, rua, ruf, domain.dmarc.tags())
    yield Wanted(f"{name}-spf", "SPF", name, name, "TXT", known_spf)
    yield Wanted(f"{name}-dmarc", "DMARC", name, dmarc_name(name), "TXT", policy)
    for target in sorted({address.rpartition("@")[2] for address in (*rua, *ruf)}):
        holders = [other.name for other in settings.domains if is_within(target, other.name)]
        if holders and not (is_within(target, name) or is_within(name, target)):
            place = (max(holders, key=len), dmarc_report_name(name, target))
            yield Wanted(f"{name}-reports-to-{target}", "DMARC report", *place, "TXT", "v=DMARC1")
    newest = settings.rotation_of(domain)
    for generation in rotation.generations if rotation else range(newest, max(newest - 2, -1), -1):
        yield Wanted(record(name, generation), "DKIM", name, f"*._domainkey.{name}", "TXT")
    if domain.bimi:
        yield Wanted(f"{name}-bimi", "BIMI", name, bimi.record_name(name), "TXT", domain.bimi.record)
    # As long as its mail goes elsewhere, what senders and mail programs are told is that provider's to say.
    if domain.receive:
        yield from _told(domain, settings)
        yield Wanted(f"{name}-mx", "MX", name, name, "MX", settings.mail_host, domain.mx_priority)


def _told(domain: MailDomainSettings, settings: Settings) -> Iterator[Wanted]:
    """What senders (RFC 8460, RFC 8461) and mail programs (RFC 6186) are told."""
    name = domain.name
    reports = tls_reports(settings.tls_report_addresses)
    yield Wanted(f"{name}-tls-reports", "TLS report", name, tls_reports_name(name), "TXT", reports)
    if mode := settings.mta_sts_mode(domain):
        text = mta_sts.record(mta_sts.policy(mode, settings.certificate_names))
        yield Wanted(f"{name}-mta-sts", "MTA-STS", name, mta_sts.record_name(name), "TXT", text)
    if domain.has_mailboxes:
        for service in services(settings.mail_host, settings.ports):
            place = (name, fqdn(service.record_name, name), "SRV", service.content, service.priority)
            yield Wanted(f"{name}-{service.name}", "SRV", *place, service.data)


def web_records(host: str, domain: MailDomainSettings) -> Iterator[Wanted]:
    """The addresses of a host that the Worker serves, which Cloudflare makes, and that it sends and gets no mail."""
    yield Wanted(host, "web", domain.name, host, "AAAA")
    yield from _no_mail(host, domain.name)


def _no_mail(host: str, domain: str) -> Iterator[Wanted]:
    yield Wanted(f"{host}-spf", "host SPF", domain, host, "TXT", SENDS_NOT)
    yield Wanted(f"{host}-mx", "null MX", domain, host, "MX", NO_MAIL, 0)


def report_addresses(
    domain: MailDomainSettings, settings: Settings
) -> tuple[Sequence[EmailAddress], Sequence[EmailAddress]]:
    """Where aggregate and failure reports about a domain go: to the administrator unless told otherwise."""
    administrator = (settings.admin_address,)
    rua, ruf = domain.dmarc.rua, domain.dmarc.ruf
    return administrator if rua is None else rua, administrator if ruf is None else ruf
