"""The stack's settings as types: what may be configured, what is right, and what contradicts.

Keys and defaults are documented in the config section of Pulumi.yaml.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from model.accounts import ROLES, Accounts, EachOnce, MailboxSettings
from model.backup import Backup, BackupPassphrase, BoxPassword, VariableName
from model.base import Model
from model.bimi import Bimi
from model.mta_sts import Mode
from model.networks import collapsed
from model.ports import DELIVERY, HTTP, HTTPS, OPTIONAL, Egress, Port, open_ports, outbound
from model.records import DmarcPolicy, SpfQualifier, spf_policy
from model.relay import Relay
from model.spf import LOOKUP_LIMIT, lookups
from model.spf_terms import Sender
from model.ssh_keys import key_mark, ssh_public_key
from model.values import (
    AcmeHmacKey,
    AcmeKeyId,
    AcmeServer,
    CertificateChoice,
    Cidr,
    EmailAddress,
    Fqdn,
    HostName,
    HostPort,
    ImageReference,
    Location,
    OwnerId,
    Password,
    ServerType,
    SshHostKey,
    SshPrivateKey,
    SystemImage,
    TimeZone,
    is_within,
    split_host_port,
)
from model.watch import Heartbeat, Watch

Ttl = Annotated[int, Field(ge=60, le=86400)]
"""Seconds that resolvers may keep a record; the range that Cloudflare takes for records that are not proxied."""


def _failure_options(value: Any) -> Any:
    # `pulumi config set --path` writes a lone 1 as a number.
    text = str(value).replace(" ", "").lower()
    options = text.split(":")
    if not set(options) <= set("01ds") or len(set(options)) < len(options):
        raise ValueError("Expected options from 0, 1, d and s with colons between them, for example 1 or 1:d:s")
    return text


Rotations = Annotated[int, Field(ge=0)]
"""How often a key was to be changed: raised by one for a new one."""

FailureOptions = Annotated[str, BeforeValidator(_failure_options)]
"""When a DMARC failure report is asked for (RFC 9989, section 4.7, fo)."""

AUTHORITIES = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
"""The directories of Let's Encrypt (https://letsencrypt.org/docs/staging-environment/)."""

LETS_ENCRYPT = "letsencrypt.org"
"""What Let's Encrypt is called in CAA records (https://letsencrypt.org/docs/caa/), for trials, too."""

Part = Literal["server", "records", "addresses", "volume", "backup"]
"""What can be protected from deletion, each apart from the others. The firewalls belong to the server."""


class Dmarc(Model):
    """DMARC policy of one domain (RFC 9989, section 4.7)."""

    policy: DmarcPolicy = "reject"
    rua: tuple[EmailAddress, ...] | None = None
    """Where aggregate reports (RFC 9990) go; the administrator's address unless set. An empty list asks for none."""
    ruf: tuple[EmailAddress, ...] | None = None
    """Where failure reports (RFC 9991) go; the administrator's address unless set."""
    failure_options: FailureOptions = "1"
    """When failure reports are sent: options from 0, 1, d and s with colons between them."""
    subdomain_policy: DmarcPolicy | None = None
    nonexistent_subdomain_policy: DmarcPolicy | None = None
    """What becomes of mail from names below the domain that do not exist; as `subdomain_policy` unless set."""
    testing: bool = False
    """Whether the policy is only being tried: receivers then apply the next milder one."""

    @model_validator(mode="before")
    @classmethod
    def _no_percentage(cls, value: Any) -> Any:
        if isinstance(value, dict) and "percentage" in value:
            raise ValueError(
                f"percentage {value['percentage']} is gone: receivers ignore it since RFC 9989. "
                "Expected testing: true to try a policy out, or policy: none to only get reports"
            )
        return value

    @property
    def is_strict(self) -> bool:
        """Whether mail that fails is turned away or put aside everywhere, as receivers want it for a logo (BIMI)."""
        return not self.testing and "none" not in (self.policy, self.subdomain_policy)

    def tags(self) -> dict[str, str]:
        """The tags beside p, rua and ruf, in the order in which they are published."""
        optional = {
            "sp": self.subdomain_policy,
            "np": self.nonexistent_subdomain_policy,
            "t": "y" if self.testing else None,
            "fo": self.failure_options,
        }
        return {tag: value for tag, value in optional.items() if value is not None}


class MailDomainSettings(Accounts):
    """One domain that receives and sends mail, and who has mailboxes in it."""

    name: Fqdn
    zone: Fqdn | None = None
    """The Cloudflare zone that holds the domain's records; the domain itself unless set."""
    zone_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """The zone's identifier; looked up by name unless set."""
    receive: bool = True
    """Whether mail for the domain comes here. Without it all is prepared but the MX record."""
    dmarc: Dmarc = Dmarc()
    spf: SpfQualifier = "~all"
    senders: tuple[Sender, ...] = ()
    """Who else sends for the domain, as SPF terms."""
    spf_a: bool = True
    """Whether the hosts at the domain's own address may send for it (`a` in SPF)."""
    ttl: Ttl = 3600
    dkim_rotation: Rotations | None = None
    """How often its DKIM key was to be changed; as the stack's unless set."""
    mx_priority: Annotated[int, Field(ge=0, le=65535)] = 10
    mta_sts: Mode | None = None
    """How strictly senders are to encrypt (MTA-STS); as the stack's setting unless set."""
    bimi: Bimi | None = None
    """The logo that mail programs may show beside its mail."""

    @property
    def has_mailboxes(self) -> bool:
        """Whether people sign in with addresses of this domain here, now."""
        return self.receive and not self.forward_to

    @property
    def zone_name(self) -> str:
        """The name of the zone that holds the records."""
        return self.zone or self.name

    @field_validator("zone", "catch_all", "forward_to", "mta_sts", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return value or None

    @field_validator("senders")
    @classmethod
    def _each_sender_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({term for term in value if value.count(term) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands there more than once. Expected each sender once")
        return value

    @model_validator(mode="after")
    def _spf_can_be_evaluated(self) -> Self:
        count = lookups(spf_policy(self.senders, self.spf, a=self.spf_a).split())
        if count > LOOKUP_LIMIT:
            raise ValueError(
                f"senders: the SPF policy of {self.name} costs {count} look-ups, and receivers stop at {LOOKUP_LIMIT} "
                "(RFC 7208, section 4.6.4). Expected fewer include:, a: and mx: terms; ip4: and ip6: cost none"
            )
        return self

    @model_validator(mode="after")
    def _zone_holds_domain(self) -> Self:
        if not is_within(self.name, self.zone_name):
            raise ValueError(
                f"domain {self.name} does not lie in zone {self.zone_name}. "
                f"Expected the zone that holds it, for example {self.name.split('.', 1)[-1]}"
            )
        return self


class Settings(Model):
    """All that a stack is configured with."""

    mail_host: HostName
    domains: tuple[MailDomainSettings, ...]
    admin_address: EmailAddress
    admin_password: Password
    passwords: Annotated[Mapping[EmailAddress, Password], EachOnce] = {}
    """Of mailboxes, by address."""
    delete_mailboxes: tuple[EmailAddress, ...] = ()
    """Mailboxes that are to be deleted, with all their mail."""
    delete_domains: tuple[Fqdn, ...] = ()
    """Domains that are to be deleted in Poste, with all their mailboxes and mail."""
    former_mail_hosts: tuple[Fqdn, ...] = ()
    """Earlier names of the mail server whose address records stay."""
    adopted_records: tuple[str, ...] = ()
    owner_id: OwnerId | None = None
    """What marks the stack's DNS records as its own, whatever the stack is called; see `owner`."""

    location: Location = "nbg1"
    server_type: ServerType = "cx23"
    server_image: SystemImage = "debian-13"
    volume_size: Annotated[int, Field(ge=10, le=10240)] = 20
    admin_cidrs: tuple[Cidr, ...]
    ssh_private_key: SshPrivateKey
    previous_ssh_private_key: SshPrivateKey | None = None
    """The key that the server knows, while `ssh_private_key` is brought to it."""
    ssh_host_key: SshHostKey
    protect: bool = True
    unprotected: tuple[Part, ...] = ()
    """The parts whose protection is lifted for a while."""
    server_revision: Annotated[int, Field(ge=0)] = 0
    """Raised to replace the server on purpose; addresses and volume stay."""
    rerun: Annotated[int, Field(ge=0)] = 0
    """Raised to run every script on the server again, which mends what was changed there by hand."""
    dkim_rotation: Rotations = 0
    """Raised to change the DKIM keys of all domains that say nothing of their own."""

    poste_image: ImageReference
    time_zone: TimeZone = "UTC"
    network_mode: Literal["host", "bridge"] = "host"
    optional_ports: tuple[int, ...] = OPTIONAL
    https: bool = True
    http_port: Annotated[int, Field(ge=1, le=65535)] = HTTP.number
    https_port: Annotated[int, Field(ge=1, le=65535)] = HTTPS.number
    reverse_proxy_cidrs: tuple[Cidr, ...] = ()
    disable_clamav: bool = False
    disable_rspamd: bool = False
    disable_roundcube: bool = False
    elasticsearch: HostPort | None = None

    relay: Relay | None = None
    """Through which all mail leaves; None where Poste delivers it itself."""

    certificate: CertificateChoice = "letsencrypt"
    certificate_email: EmailAddress | None = None
    """Where the authority may write to; Let's Encrypt does not."""
    acme_server: AcmeServer | None = None
    """The directory of another authority than Let's Encrypt."""
    acme_key_id: AcmeKeyId | None = None
    acme_hmac_key: AcmeHmacKey | None = None
    acme_issuer: Fqdn | None = None
    """What that authority is called in CAA records."""
    certificate_key_rotation: Annotated[int, Field(ge=0)] = 0
    """Raised by one to have the certificate's key replaced by the next one."""

    tls_reports: tuple[EmailAddress, ...] = ()
    """Where reports about failed encryption (RFC 8460) are to go; see `tls_report_addresses`."""
    mta_sts: Mode | None = None
    """How strictly senders are to encrypt (RFC 8461); None for no policy."""
    client_setup: bool = False
    """Whether mail programs find their settings by themselves at autoconfig and autodiscover."""
    dnssec: tuple[Fqdn, ...] = ()
    """The zones that are to be signed (RFC 9364)."""

    backup: Backup | None = None
    """Where the nightly backup goes; None for no backup."""
    backup_passphrase: BackupPassphrase | None = None
    """What it is encrypted with."""
    backup_key: SshPrivateKey | None = None
    """The operator's key to the Storage Box, which may delete there, and never reaches the server."""
    storage_box_password: BoxPassword | None = None
    backup_environment: Mapping[VariableName, SecretStr] = {}
    """What restic needs on the server to reach the repository, such as AWS_ACCESS_KEY_ID."""
    backup_owner_environment: Mapping[VariableName, SecretStr] = {}
    """The same for the operator, whose credentials may delete."""

    watch: Watch = Watch()
    """From when on the server raises an alarm."""
    heartbeat: Heartbeat | None = None
    """Whom it tells; None where nobody hears of it."""

    @property
    def acme_directory(self) -> str | None:
        """The directory of the authority that signs the certificate; None where none is asked for."""
        return self.acme_server or AUTHORITIES.get(self.certificate)

    @property
    def no_certificate_because(self) -> str:
        """Why no certificate is asked for, as it was written behind `none`."""
        return self.certificate.partition(", ")[2]

    @property
    def certificate_names(self) -> list[str]:
        """The names that the certificate is for: the mail host's own, and those by which clients may still call it."""
        return list(dict.fromkeys((self.mail_host, *self.former_mail_hosts)))

    @property
    def mailboxes(self) -> list[MailboxSettings]:
        """The mailboxes of all domains."""
        return [box for domain in self.domains for box in domain.mailboxes]

    def aliases(self, domain: MailDomainSettings) -> dict[str, Sequence[str]]:
        """The aliases of a domain, by address: those that are set, and the administrator's.

        Whoever has a complaint writes to the roles (RFC 2142), and reports go to the addresses that the domain's DMARC
        record names. Where nobody else is to get these, the administrator does.
        """
        if domain.forward_to:
            return {}
        reports = {to for other in self.domains for to in (*(other.dmarc.rua or ()), *(other.dmarc.ruf or ()))}
        reports |= set(self.tls_reports)
        wanted = {f"{role}@{domain.name}" for role in ROLES} | reports
        ours = {address for address in wanted if address.rpartition("@")[2] == domain.name}
        free = sorted(ours - {self.admin_address, *domain.addresses})
        return {**domain.aliases, **dict.fromkeys(free, (self.admin_address,))}

    def mta_sts_mode(self, domain: MailDomainSettings) -> Mode | None:
        """What senders to a domain are told; None where it has no policy, as while its mail goes elsewhere."""
        return (domain.mta_sts or self.mta_sts) if domain.receive else None

    @property
    def tls_report_addresses(self) -> tuple[EmailAddress, ...]:
        """Where reports about failed encryption go: to the administrator unless told otherwise."""
        return self.tls_reports or (self.admin_address,)

    def senders(self, domain: MailDomainSettings) -> tuple[Sender, ...]:
        """Who else sends for a domain, as SPF terms: its own senders, and the relay."""
        return tuple(dict.fromkeys((*domain.senders, *(self.relay.senders if self.relay else ()))))

    @property
    def issuer(self) -> str | None:
        """What the certificate's authority is called in CAA records (RFC 8659), where that is known."""
        if self.acme_server:
            return self.acme_issuer
        return LETS_ENCRYPT if self.acme_directory else None

    def rotation_of(self, domain: MailDomainSettings) -> int:
        """How often the DKIM key of a domain was to be changed: as it says itself, else as the stack does."""
        return self.dkim_rotation if domain.dkim_rotation is None else domain.dkim_rotation

    def protects(self, part: Part) -> bool:
        """Whether this part of the stack is protected from deletion and replacement."""
        return self.protect and part not in self.unprotected

    @property
    def owner(self) -> str:
        """The stack's own mark, 16 hexadecimal digits: `ownerId`, or where that is unset one from the host key."""
        return self.owner_id or key_mark(self.ssh_host_public_key)

    @property
    def ports(self) -> list[Port]:
        """The rows of the port table that this stack opens."""
        return list(open_ports(self.optional_ports, self.http_port, self.https_port))

    @property
    def egress(self) -> list[Egress]:
        """What the server may start connections to."""
        authority = urlsplit(self.acme_directory or "")
        return outbound(
            {
                "The backup": self.backup.target if self.backup else None,
                "Full-text search (Elasticsearch)": split_host_port(self.elasticsearch) if self.elasticsearch else None,
                "The certificate's authority": (authority.hostname or "", authority.port) if authority.port else None,
            },
            self.relay.port if self.relay else None,
        )

    @property
    def delivery(self) -> Sequence[Egress]:
        """Of these, the ways out by which Poste delivers mail itself; none where a relay takes it."""
        return () if self.relay else DELIVERY

    @property
    def serves_ipv6(self) -> bool:
        """Whether Poste answers on IPv6: not behind Docker's bridge, which has IPv4 only."""
        return self.network_mode == "host"

    def zone_holder(self, host: str) -> MailDomainSettings:
        """The domain whose zone holds a mail host's address records: the closest one."""
        return max(
            (domain for domain in self.domains if is_within(host, domain.zone_name)),
            key=lambda domain: len(domain.zone_name),
        )

    @property
    def ssh_public_key(self) -> str:
        """The public half of the administrator's key, as one line of authorized_keys."""
        return ssh_public_key(self.ssh_private_key.get_secret_value())

    @property
    def backup_public_key(self) -> str:
        """The public half of the operator's key to the Storage Box; empty where there is none."""
        return ssh_public_key(self.backup_key.get_secret_value()) if self.backup_key else ""

    @property
    def ssh_host_public_key(self) -> str:
        """The public half of the server's host key, as it stands in known_hosts."""
        return ssh_public_key(self.ssh_host_key.get_secret_value())

    @field_validator("domains", "admin_cidrs")
    @classmethod
    def _some(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value:
            raise ValueError("Is empty. Expected one at least")
        return value

    @field_validator("optional_ports")
    @classmethod
    def _optional_ports_are_optional(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        wrong = [str(number) for number in value if number not in OPTIONAL]
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)} cannot be chosen. Expected some of {list(OPTIONAL)}, for example [4190]"
            )
        return value

    @field_validator("admin_cidrs", "reverse_proxy_cidrs")
    @classmethod
    def _networks_are_few(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return collapsed(value)

    @field_validator(
        *("elasticsearch", "certificate_email", "acme_server", "acme_key_id", "acme_hmac_key", "acme_issuer"),
        "mta_sts",
        *("backup", "backup_passphrase", "backup_key", "storage_box_password"),
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return value or None
