"""Where the backup goes: a Storage Box that the program makes, or a repository of restic's that is there already."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from model.base import Model
from model.server_folders import VOLUME
from model.ssh_keys import canonical_public_key
from model.values import Location, split_host_port

BOX_PORT = 23
"""Where a Storage Box takes OpenSSH keys (https://docs.hetzner.com/storage/storage-box/access/access-ssh-rsync-borg)."""
BOX_HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIICf9svRenC/PLKIL9nk6K/pxQgoiFC41wTNvoIncOxs"
"""What all Storage Boxes prove themselves with (https://docs.hetzner.com/storage/storage-box/general/#ssh-host-keys)."""
SERVERS_FOLDER = "poste-mail"
"""The folder of the server's own account in the box, whatever the stack is called: another one would begin a new
backup."""
REPOSITORY_IN_BOX = "repo"
"""The repository's folder within that."""
SERVERS_ADDRESS = "rclone:box"
"""How the server calls its repository in a Storage Box: behind what the forced command of its key starts there."""

PLACES = ("s3:", "sftp:", "rest:", "b2:", "azure:", "gs:", "swift:")
"""How addresses of restic's repositories begin (https://restic.readthedocs.io, "Preparing a new repository")."""
SFTP = re.compile(
    r"sftp:(?://(?P<userhost>[^/\s]+)/(?P<path>\S+)|(?P<user>[^@:/\s]+)@(?P<host>[A-Za-z0-9.-]+):(?P<folder>\S+))"
)
USER_HOST = re.compile(r"(?P<user>[^@:\s]+)@(?P<host>\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")
SPECIALS = "^°!§$%/()=?+#-.,;:~*@{}_&"
"""What Hetzner takes in the password of a Storage Box beside letters and digits."""

NO_BACKUP = "The stack is protected and has no backup: Hetzner's own backups and snapshots leave volumes out"
"""Told wherever that is so (https://docs.hetzner.com/cloud/servers/backups-snapshots/overview)."""
MAKE_ONE = "Have one made by ./run mail stack --backup bx11, or set backup to a repository of your own"

KEEP = {"daily": "14d", "weekly": "2m", "monthly": "1y", "yearly": "3y"}
"""How long which snapshots are kept, as restic has it: by age, since whoever has the server could add many new ones."""


@dataclass(frozen=True)
class SshTarget:
    """A store that is reached by SSH."""

    user: str
    host: str
    port: int


def _repository(value: str) -> str:
    right = (
        "Expected the address of a restic repository, for example s3:https://s3.example.net/bucket, "
        "sftp:user@host.example.net:/backup, rest:https://backup.example.net/mail or a folder on the server such as "
        "/mnt/nas/mail"
    )
    folder = value.startswith("/") and not re.search(r"\s", value)
    if not folder and not value.startswith(PLACES):
        raise ValueError(right)
    if folder and (value == VOLUME or value.startswith(f"{VOLUME}/")):
        raise ValueError(f"Lies on the volume, and would be lost with it. {right}")
    if value.startswith("sftp:") and _ssh_target(value) is None:
        raise ValueError(
            "Expected who and where, for example sftp:user@host.example.net:/backup or, with another port than 22, "
            "sftp://user@host.example.net:2222//backup"
        )
    if re.search(r"://[^/@\s]*:[^/@\s]*@", value):
        raise ValueError(
            "Holds a password. Expected the address without it, and the password in backupEnvironment, for example as "
            "RESTIC_REST_PASSWORD"
        )
    return value


def _ssh_target(address: str) -> SshTarget | None:
    match = SFTP.fullmatch(address)
    if match is None:
        return None
    if match["user"]:
        return SshTarget(user=match["user"], host=match["host"], port=22)
    inner = USER_HOST.fullmatch(match["userhost"])
    if inner is None or not 1 <= int(inner["port"] or 22) <= 65535:
        return None
    return SshTarget(user=inner["user"], host=inner["host"].strip("[]"), port=int(inner["port"] or 22))


def _host_key(value: str) -> str:
    try:
        return canonical_public_key(value)
    except ValueError:
        raise ValueError(
            "Expected the store's public host key in one line, as ssh-keyscan prints it behind the name, for example "
            "ssh-ed25519 AAAA…"
        ) from None


def _box_password(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    kinds = (r"[a-z]", r"[A-Z]", r"[0-9]", f"[{re.escape(SPECIALS)}]")
    if not 12 <= len(text) <= 128 or not all(re.search(kind, text) for kind in kinds):
        raise ValueError(
            "Expected 12 to 128 characters, with lower and upper case letters, digits and specials, made for example "
            "by ./run mail stack"
        )
    if not re.fullmatch(f"[A-Za-z0-9{re.escape(SPECIALS)}]+", text):
        raise ValueError(f"Holds a character that Hetzner does not take. Expected letters, digits and {SPECIALS}")
    return value


def _passphrase(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 16 or "\n" in value.get_secret_value():
        raise ValueError("Expected 16 characters or more in one line, made for example by: openssl rand -base64 24")
    return value


StorageBoxType = Literal["bx11", "bx21", "bx31", "bx41"]
"""Sizes of Storage Boxes: 1, 5, 10 and 20 TB."""
Repository = Annotated[str, AfterValidator(_repository)]
"""The address of a restic repository, or a folder on the server."""
StoreHostKey = Annotated[str, AfterValidator(_host_key)]
"""A public key in one line, without a comment."""
BoxPassword = Annotated[SecretStr, AfterValidator(_box_password)]
"""The password of a Storage Box, by Hetzner's rules."""
BackupPassphrase = Annotated[SecretStr, AfterValidator(_passphrase)]
"""What the backup is encrypted with before it leaves the server."""
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Hours and minutes, UTC."""
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""


class Backup(Model):
    """Where the nightly backup goes, and when."""

    storage_box: StorageBoxType | None = None
    """The type of the Storage Box that the program makes."""
    location: Location = "fsn1"
    """Of the Storage Box: another one than the server's keeps the mail if a site is lost."""
    repository: Repository | None = None
    """A repository that is not made by the program."""
    host_key: StoreHostKey | None = None
    """What a store that is reached by SSH proves itself with."""
    at: TimeOfDay = "02:30"

    @model_validator(mode="before")
    @classmethod
    def _one_place(cls, value: Any) -> Any:
        if isinstance(value, dict):
            given = [key for key in ("storageBox", "repository") if value.get(key)]
            if len(given) != 1:
                found = "has both" if given else "has neither"
                raise ValueError(
                    f"{found} storageBox and repository. Expected one of them, for example storageBox: bx11"
                )
            if given == ["repository"] and "location" in value:
                raise ValueError("location is where a storageBox is made. Leave it out beside repository")
        return value

    @property
    def ssh(self) -> SshTarget | None:
        """Where a repository is that is reached by SSH."""
        return _ssh_target(self.repository or "")

    @property
    def known_host_key(self) -> str | None:
        """What the store proves itself with, where it is reached by SSH."""
        return self.host_key or (BOX_HOST_KEY if self.storage_box else None)

    @property
    def target(self) -> tuple[str, int] | None:
        """Host and port that the server must reach; None where no address tells them, or it is a folder."""
        if self.storage_box:
            return "", BOX_PORT
        if self.ssh:
            return self.ssh.host, self.ssh.port
        kind, _, rest = (self.repository or "").partition(":")
        if kind not in ("s3", "rest"):
            return None
        if "://" not in rest:
            host = rest.partition("/")[0]
            return split_host_port(host) if ":" in host else (host, 443)
        parts = urlsplit(rest)
        return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
