"""All DNS records that the settings ask for, known before the deploy but for what the server and Poste will add."""

from collections.abc import Iterator, Mapping, Sequence

from model.dkim_rotation import Rotation, record
from model.existing_records import Wanted
from model.records import dmarc, dmarc_name, dmarc_report_name, spf_policy
from model.settings import MailDomainSettings, Settings
from model.values import EmailAddress, is_within


def wanted_records(settings: Settings, rotations: Mapping[str, Rotation] | None = None) -> Iterator[Wanted]:
    """The records of all mail hosts and domains; `rotations` are those of the domains' DKIM keys, if they are known."""
    for host in (settings.mail_host, *settings.former_mail_hosts):
        yield from host_records(host, settings)
    for domain in settings.domains:
        yield from domain_records(domain, settings, rotations[domain.name] if rotations else None)


def host_records(host: str, settings: Settings) -> Iterator[Wanted]:
    """The address records of a present or former mail host: A and, where Poste serves IPv6, AAAA."""
    domain = settings.zone_holder(host).name
    yield Wanted(f"{host}-a", "address", domain, host, "A")
    if settings.serves_ipv6:
        yield Wanted(f"{host}-aaaa", "address", domain, host, "AAAA")


def domain_records(
    domain: MailDomainSettings, settings: Settings, rotation: Rotation | None = None
) -> Iterator[Wanted]:
    """SPF, DMARC, DKIM and MX of a domain, and the consent of our other domains that get reports about it.

    Where the rotation of its DKIM keys is not known, the former key may have a record, too.
    """
    name = domain.name
    known_spf = spf_policy(domain.senders, domain.spf, a=domain.spf_a)
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
    if domain.receive:
        yield Wanted(f"{name}-mx", "MX", name, name, "MX", settings.mail_host, domain.mx_priority)


def report_addresses(
    domain: MailDomainSettings, settings: Settings
) -> tuple[Sequence[EmailAddress], Sequence[EmailAddress]]:
    """Where aggregate and failure reports about a domain go: to the administrator unless told otherwise."""
    administrator = (settings.admin_address,)
    rua, ruf = domain.dmarc.rua, domain.dmarc.ruf
    return administrator if rua is None else rua, administrator if ruf is None else ruf
