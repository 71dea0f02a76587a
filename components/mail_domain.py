"""The records that make a domain a mail domain: SPF, DMARC, DKIM, what senders and programs ask for, and, last, MX."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi

from components.dkim_key import DkimKey, KeyRecord
from components.existing.zones import Zones
from components.mail_server import MailServer
from model.existing_records import Wanted
from model.records import spf, txt
from model.settings import MailDomainSettings, Settings
from model.wanted_records import domain_records


class MailDomain(pulumi.ComponentResource):
    """`poste-mail:index:MailDomain` makes the SPF, DMARC, DKIM and MX records of a domain, and the
    consent (`_report._dmarc`, RFC 9990) of our other domains that get reports about it.

    Beside these it says where senders report failed encryption (TLSRPT, RFC 8460), which servers mail programs use
    (SRV, RFC 6186), and which logo they may show (BIMI).

    SPF (RFC 7208) says which addresses send for it, DMARC (RFC 9989) what to do with mail that fails, DKIM (RFC 6376)
    which key signs it, and MX (RFC 5321) where its mail goes: this one is made when all that takes the mail is `ready`
    and Poste knows the domain, because mail that comes earlier is refused for good.
    """

    keys_published: list[pulumi.Resource]
    """The records of the DKIM keys."""

    def __init__(
        self,
        domain: MailDomainSettings,
        settings: Settings,
        server: MailServer,
        key: DkimKey,
        zones: Zones,
        ready: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("poste-mail:index:MailDomain", domain.name, {}, opts)
        self.keys_published = []
        for wanted in domain_records(domain, settings, key.rotation):
            match wanted.kind:
                case "SPF":
                    zones.make(wanted, _spf_text(domain, settings, server), self)
                case "DKIM":
                    published = key.records[wanted.resource]
                    text = _dkim_text(wanted, published, zones)
                    made = zones.make(wanted, text, self, name=published.name, may_go=published.may_go)
                    self.keys_published.append(made)
                case "MX":
                    zones.make(wanted, settings.mail_host, self, depends_on=[*ready, key])
                case "MTA-STS":
                    pass  # announced when it is served, see SenderPolicy
                case _:
                    zones.make_known(wanted, self)
        self.register_outputs({})


def _spf_text(domain: MailDomainSettings, settings: Settings, server: MailServer) -> pulumi.Output[str]:
    senders = settings.senders(domain)
    return pulumi.Output.all(server.ipv4, server.ipv6).apply(
        lambda found: txt(spf(found[0], found[1], domain.spf, senders, a=domain.spf_a))
    )


def _dkim_text(wanted: Wanted, key: KeyRecord, zones: Zones) -> pulumi.Output[str]:
    """The key's text, which is had only where nothing else stands at its name; that is known with its selector."""

    def text(known: Sequence[str]) -> str:
        name, content = known
        zones.refuse_beside(replace(wanted, name=name, content=content))
        return txt(content)

    return pulumi.Output.all(key.name, key.text).apply(text)
