"""Records of an earlier provider or server that are not in the way and yet harm, as pure functions.

They promise something about the old server to those who send, or lead mail programs to it.
"""

import re
from collections.abc import Collection, Iterable, Iterator

from model.existing_records import ADDRESS_TYPES, Record
from model.records import txt_value
from model.settings import MailDomainSettings, Settings

HOST_TYPES = (*ADDRESS_TYPES, "CNAME", "SRV")


def left_overs(settings: Settings, records: Collection[Record], addresses: Collection[str]) -> Iterator[str]:
    """What harms the mail host or a domain among records that are not this stack's; a sentence each, with a way out.

    `addresses` are the server's own.
    """
    own = {*addresses, settings.mail_host}
    yield from _of_host(settings.mail_host, records)
    for domain in settings.domains:
        if domain.receive:
            yield from _of_domain(domain.name, settings.mail_host, records)
        yield from _of_policy(domain, settings, [record for record in records if record.content not in own])


def _of_host(mail_host: str, records: Iterable[Record]) -> Iterator[str]:
    for record in records:
        if record.type == "TLSA" and record.name == f"_25._tcp.{mail_host}":
            yield (
                f"{record} promises another certificate than the new server's: senders that check it (DANE, RFC 7672) "
                "refuse to deliver. Delete it at Cloudflare"
            )


def _of_domain(domain: str, mail_host: str, records: Collection[Record]) -> Iterator[str]:
    for record in records:
        if record.name == f"_mta-sts.{domain}" and _begins(record, "v=STSv1"):
            yield (
                f"{record} announces a policy (MTA-STS, RFC 8461): unless https://mta-sts.{domain}/.well-known/"
                f"mta-sts.txt names mx: {mail_host}, senders refuse to deliver. Have it say mode: none, change the id "
                "here, and delete both records when its old max_age is over"
            )
        if record.name == f"mta-sts.{domain}" and record.type in HOST_TYPES:
            yield f"{record} serves the policy of an earlier server (MTA-STS, RFC 8461), see _mta-sts.{domain}"
        if record.name == f"_smtp._tls.{domain}" and _begins(record, "v=TLSRPTv1"):
            yield f"{record} sends the reports about TLS (RFC 8460) elsewhere. Delete it unless that is meant"
        if (
            record.type in HOST_TYPES
            and mail_host not in record.content.lower()
            and record.name
            in (
                f"autodiscover.{domain}",
                f"autoconfig.{domain}",
                f"_autodiscover._tcp.{domain}",
            )
        ):
            yield f"{record} leads mail programs to another server. Delete it at Cloudflare unless that is meant"


def _of_policy(domain: MailDomainSettings, settings: Settings, records: Iterable[Record]) -> Iterator[str]:
    index = settings.domains.index(domain)
    addresses = [r for r in records if r.name == domain.name and r.type in (*ADDRESS_TYPES, "CNAME")]
    if domain.spf_a and addresses and domain.name not in (settings.mail_host, *settings.former_mail_hosts):
        listed = ", ".join(str(record) for record in addresses)
        yield (
            f"{listed}: whoever runs that host may send as {domain.name}, since its SPF policy allows the domain's own "
            f"address (a). If that is not meant: pulumi config set --path 'domains[{index}].spfA' false"
        )


def _begins(record: Record, text: str) -> bool:
    pattern = re.escape(text).replace("=", r"\s*=\s*")
    return record.type == "CNAME" or (
        record.type == "TXT" and bool(re.match(pattern, txt_value(record.content), re.IGNORECASE))
    )
