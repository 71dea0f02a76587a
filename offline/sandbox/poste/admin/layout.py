"""Where everything lies inside the container."""

from dataclasses import dataclass
from pathlib import Path

MAIL_UID = 8
"""The user ``mail``: owner of all of ``/data``, and the only one the console runs as."""


@dataclass(frozen=True)
class Layout:
    """The container's folders. Only ``data`` is a volume: what lies below ``opt`` is lost with the container."""

    data: Path = Path("/data")
    opt: Path = Path("/opt")

    @property
    def server_ini(self) -> Path:
        """The settings file; its presence with a hostname is what "installed" means."""
        return self.data / "server.ini"

    @property
    def renamed_fields(self) -> Path:
        """While a test has put this file there, the installer's form has other field names than Poste's today."""
        return self.data / "sandbox-renamed-fields"

    @property
    def version(self) -> Path:
        """The file with the image's version."""
        return self.opt / "admin" / "version"

    @property
    def users_db(self) -> Path:
        """SQLite data base of domains and mailboxes, read by Exim and Dovecot too."""
        return self.data / "users.db"

    @property
    def mail_log(self) -> Path:
        """Where Exim writes down what it takes and delivers."""
        return self.data / "log" / "mail-main.log"

    def domain(self, name: str) -> Path:
        """Folder of a domain: its DKIM files and one folder for each mailbox."""
        return self.data / "domains" / name

    def home(self, address: str) -> Path:
        """Folder of a mailbox: Maildir and Sieve scripts."""
        user, domain = address.split("@")
        return self.domain(domain) / user

    def dkim_links(self, name: str) -> tuple[Path, Path]:
        """Where the receiving and the submission server look for a domain's key: links to the domain's folder."""
        return (
            self.opt / "haraka-smtp" / "config" / "dkim" / name,
            self.opt / "haraka-submission" / "config" / "dkim" / name,
        )
