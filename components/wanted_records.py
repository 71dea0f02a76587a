"""All DNS records that the settings ask for, known before the deploy but for what the server and Poste will add."""

from collections.abc import Iterator

from components.existing_records import Wanted
from components.records import dmarc, dmarc_name, spf_policy
from components.settings import MailDomainSettings, Settings


def wanted_records(settings: Settings) -> Iterator[Wanted]:
    """The records of all mail hosts and domains."""
    for host in (settings.mail_host, *settings.former_mail_hosts):
        yield from host_records(host, settings)
    for domain in settings.domains:
        yield from domain_records(domain, settings)


def host_records(host: str, settings: Settings) -> Iterator[Wanted]:
    """The address records of a present or former mail host: A and, where Poste serves IPv6, AAAA."""
    domain = settings.zone_holder(host).name
    yield Wanted(f"{host}-a", "address", domain, host, "A")
    if settings.serves_ipv6:
        yield Wanted(f"{host}-aaaa", "address", domain, host, "AAAA")


def domain_records(domain: MailDomainSettings, settings: Settings) -> Iterator[Wanted]:
    """SPF, DMARC, DKIM and MX of a domain."""
    name = domain.name
    yield Wanted(f"{name}-spf", "SPF", name, name, "TXT", spf_policy((), domain.spf))
    yield Wanted(f"{name}-dmarc", "DMARC", name, dmarc_name(name), "TXT", dmarc_policy(domain, settings))
    yield Wanted(f"{name}-dkim", "DKIM", name, f"*._domainkey.{name}", "TXT")
    yield Wanted(f"{name}-mx", "MX", name, name, "MX", settings.mail_host, domain.mx_priority)


def dmarc_policy(domain: MailDomainSettings, settings: Settings) -> str:
    """The domain's DMARC policy; reports go to the administrator unless told otherwise."""
    reports = (settings.admin_address,)
    return dmarc(
        domain.dmarc.policy,
        reports if domain.dmarc.rua is None else domain.dmarc.rua,
        reports if domain.dmarc.ruf is None else domain.dmarc.ruf,
        domain.dmarc.tags(),
    )
