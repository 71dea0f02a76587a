"""What the installer, the REST API and the console have in common: rules checked, rows and files kept together."""

import shutil
from collections.abc import Mapping

from . import dkim
from .layout import Layout
from .names import MIN_PASSWORD_LENGTH, is_address, is_fqdn
from .passwords import hash_password, verify_password
from .store import MissingError, Row, Store


class InvalidError(Exception):
    """A value breaks a rule; ``field`` is its name in the API."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Operations:
    """Changes to domains and mailboxes."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.store = Store(layout.users_db)

    def create_domain(self, name: str) -> None:
        """Add a domain, without a DKIM key; raises InvalidError or DuplicateError."""
        if not is_fqdn(name):
            raise InvalidError("name", "This value is not a valid domain name.")
        self.store.create_domain(name)
        self.layout.domain(name).mkdir(parents=True, exist_ok=True)

    def delete_domain(self, name: str) -> None:
        """Remove a domain with its mailboxes, mail and key; raises MissingError."""
        self.store.delete_domain(name)
        dkim.remove_domain_files(self.layout, name)

    def create_box(self, address: str, password: str, values: Mapping[str, object]) -> None:
        """Add a mailbox; raises InvalidError (also for an unknown domain) or DuplicateError."""
        if not is_address(address):
            raise InvalidError("email", "This value is not a valid email address.")
        try:
            self.store.create_box(address, {**values, "password": checked_hash(password)})
        except MissingError as missing:
            raise InvalidError("email", f"The domain {missing} does not exist.") from missing

    def set_password(self, address: str, password: str) -> None:
        """Change a mailbox's password; raises InvalidError or MissingError."""
        self.store.update_box(address, {"password": checked_hash(password)})

    def delete_box(self, address: str) -> None:
        """Remove a mailbox and its mail; raises MissingError."""
        self.store.delete_box(address)
        shutil.rmtree(self.layout.home(address), ignore_errors=True)

    def authenticate(self, address: str, password: str) -> Row | None:
        """Return the mailbox that these credentials open, or None."""
        try:
            box = self.store.box(address.lower())
        except MissingError:
            return None
        return box if not box["disabled"] and verify_password(password, box["password"]) else None


def checked_hash(password: str) -> str:
    """Return the hash of an acceptable password; raises InvalidError for one that is too short."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidError("passwordPlaintext", f"Use {MIN_PASSWORD_LENGTH} characters or more.")
    return hash_password(password)
