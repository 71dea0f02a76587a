"""What the server watches of itself, from when on it raises an alarm, and whom it tells."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from model.base import Model
from model.values import https_url

EXPECTED = "an https address without user, password, blanks and #, for example https://alerts.example.net/topic"
DISCORD = re.compile(r"https://(\w+\.)?discord(app)?\.com/api/(v\d+/)?webhooks/\d+/[^/?]+/?(\?.*)?", re.IGNORECASE)
KUMA = re.compile(r"[^?]*/api/push/[^/?]+/?(\?(?!(.*&)?status=up(&|$)).*)?")
CRONITOR = re.compile(r"https://cronitor\.(link|io)/[^?]*(\?(?!(.*&)?state=complete(&|$)).*)?", re.IGNORECASE)
NOT_WELL = re.compile(r"[^?]*/(fail|start)/?(\?.*)?", re.IGNORECASE)


def _address(value: SecretStr) -> SecretStr:
    return SecretStr(https_url(value.get_secret_value(), EXPECTED))


def _ping(value: SecretStr) -> SecretStr:
    if KUMA.fullmatch(value.get_secret_value()):
        raise ValueError("Expected the whole address that Uptime Kuma shows, with ?status=up behind it")
    if CRONITOR.fullmatch(value.get_secret_value()):
        raise ValueError("Expected ?state=complete behind it, where Cronitor reads the state")
    if NOT_WELL.fullmatch(value.get_secret_value()):
        raise ValueError("Expected the address that says that all is well, without /fail or /start behind it")
    return value


def _topic(value: SecretStr) -> SecretStr:
    if not urlsplit(value.get_secret_value()).path.strip("/"):
        raise ValueError("Expected a topic behind the host, for example https://ntfy.sh/a-topic-that-nobody-guesses")
    return value


def _chat(value: SecretStr) -> SecretStr:
    if DISCORD.fullmatch(value.get_secret_value()):
        raise ValueError("Expected /slack behind it, before a question mark: Discord then takes what other chats take")
    return value


NOBODY_TOLD = "Nobody is told when the server is in trouble: heartbeat is not set"
TELL_SOMEBODY = (
    "Set where it reports every five minutes, or an ntfy topic or a webhook: pulumi config set --secret --path "
    "heartbeat.url https://… (docs/watching.md)"
)

Percent = Annotated[int, Field(ge=1, le=99)]
Count = Annotated[int, Field(ge=1)]
SecretAddress = Annotated[SecretStr, AfterValidator(_address)]


class Watch(Model):
    """From when on something is wrong."""

    queue_length: Count = 100
    """Messages that wait to leave."""
    queue_minutes: Count = 60
    """How long the oldest of them waits."""
    disk_percent: Percent = 85
    """How full the volume, or the server's own disk, may be."""
    inode_percent: Percent = 85
    memory_megabytes: Count = 100
    """Memory that is to be free for programs (MemAvailable)."""
    certificate_days: Count = 14
    """How long the certificate, as the ports serve it, is still good."""
    restarts: Count = 3
    """How often the container started in the last 24 hours, without a deploy's or an upgrade's."""
    backup_hours: Annotated[int, Field(ge=25)] = 36
    """Since the last good backup, which comes once a day."""
    drill_days: Count = 40
    """Since the last good drill."""
    outgoing_per_hour: Count = 200
    """Messages that one mailbox sent in the last 60 minutes: more looks like a stolen password."""


class Heartbeat(Model):
    """Who is told, by HTTPS. Each address holds what lets its owner speak, so all are secrets."""

    url: Annotated[SecretAddress, AfterValidator(_ping)] | None = None
    """Called every five minutes when all is well, and with /fail behind it when not (as healthchecks.io has it)."""
    ntfy: Annotated[SecretAddress, AfterValidator(_topic)] | None = None
    """A topic of ntfy (https://docs.ntfy.sh/publish/), which gets each alarm once, and its end."""
    webhook: Annotated[SecretAddress, AfterValidator(_chat)] | None = None
    """Gets the same as JSON: {"text": …}."""

    @property
    def addresses(self) -> dict[str, str | None]:
        """By the channel's name."""
        channels = {"url": self.url, "ntfy": self.ntfy, "webhook": self.webhook}
        return {name: address.get_secret_value() if address else None for name, address in channels.items()}

    @property
    def hosts(self) -> dict[str, str]:
        """The host of each channel that is set."""
        return {name: urlsplit(address).hostname or "" for name, address in self.addresses.items() if address}

    @property
    def targets(self) -> dict[str, tuple[str, int] | None]:
        """Host and port of each channel, where its address names a port."""
        found = {name: urlsplit(address or "") for name, address in self.addresses.items()}
        return {name: (parts.hostname or "", parts.port) if parts.port else None for name, parts in found.items()}
