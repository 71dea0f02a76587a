"""What the installer, the REST API and the console have in common: rules checked, rows and files kept together.

Choices, where the public accounts of Poste are silent:

- Targets make an address a redirect (``redirect_only``): it keeps no mail, nobody signs in with it, and it needs no
  password. Mail that it holds from before waits until the targets are taken away again.
- A redirect may not name itself. Targets that do not exist (any more) are taken; mail for them fails.
- A domain's catch-all, forwarding and forced route need their destination before they can be switched on.
- Nobody may disable, demote, redirect or delete the account that he uses to do so, nor delete its domain.
"""

import json
import shutil
from collections.abc import Mapping

from . import dkim
from .layout import Layout
from .names import MIN_PASSWORD_LENGTH, is_address, is_fqdn
from .passwords import hash_password, verify_password
from .store import MissingError, Row, Store

_BLANK = "This value should not be blank."
_DESTINATIONS = {"domainBin": "domainBinAddress", "forward": "forwardDomain", "forceRoute": "forceRouteHost"}


class InvalidError(Exception):
    """A value breaks a rule; ``field`` is its name in the API."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Operations:
    """Changes to domains and mailboxes. Values have the API's names (camelCase) and are of the right type."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.store = Store(layout.users_db)

    def create_domain(self, name: str, values: Mapping[str, object] | None = None) -> None:
        """Add a domain, without a DKIM key; raises InvalidError or DuplicateError."""
        if not is_fqdn(name):
            raise InvalidError("name", "This value is not a valid domain name.")
        self.store.create_domain(name, _domain_columns(name, {}, values or {}))
        self.layout.domain(name).mkdir(parents=True, exist_ok=True)

    def change_domain(self, name: str, values: Mapping[str, object]) -> None:
        """Change a domain's settings; raises InvalidError or MissingError."""
        self.store.update_domain(name, _domain_columns(name, dict(self.store.domain(name)), values))

    def delete_domain(self, name: str, administrator: str) -> None:
        """Remove a domain with its mailboxes, mail and key; raises InvalidError or MissingError."""
        if administrator.endswith(f"@{name}"):
            raise InvalidError("name", "You cannot delete the domain of your own account while signed in.")
        self.store.delete_domain(name)
        dkim.remove_domain_files(self.layout, name)

    def create_box(self, address: str, password: str | None, values: Mapping[str, object]) -> None:
        """Add a mailbox or redirect; raises InvalidError (also for an unknown domain) or DuplicateError."""
        if not is_address(address):
            raise InvalidError("email", "This value is not a valid email address.")
        columns = self._box_columns(address, values)
        if password is None and not values.get("redirectTo"):
            raise InvalidError("passwordPlaintext", _BLANK)
        columns["password"] = "" if password is None else checked_hash(password)
        try:
            self.store.create_box(address, columns)
        except MissingError as missing:
            raise InvalidError("email", f"The domain {missing} does not exist.") from missing

    def change_box(self, address: str, password: str | None, values: Mapping[str, object], administrator: str) -> None:
        """Change a mailbox or redirect; raises InvalidError or MissingError."""
        box = self.store.box(address)
        columns = self._box_columns(address, values)
        if password is not None:
            columns["password"] = checked_hash(password)
        elif values.get("redirectTo") == [] and not box["password"]:
            raise InvalidError("passwordPlaintext", _BLANK)
        if address == administrator:
            _refuse_own("disable", "disabled", bool(values.get("disabled")))
            _refuse_own("demote", "superAdmin", values.get("superAdmin") is False)
            _refuse_own("redirect", "redirectTo", bool(values.get("redirectTo")))
        self.store.update_box(address, columns)

    def set_password(self, address: str, password: str) -> None:
        """Change a mailbox's password; raises InvalidError or MissingError."""
        self.store.update_box(address, {"password": checked_hash(password)})

    def delete_box(self, address: str, administrator: str) -> None:
        """Remove a mailbox and its mail; raises InvalidError or MissingError."""
        _refuse_own("delete", "email", address == administrator)
        self.store.delete_box(address)
        shutil.rmtree(self.layout.home(address), ignore_errors=True)

    def authenticate(self, address: str, password: str) -> Row | None:
        """Return the mailbox that these credentials open, or None."""
        try:
            box = self.store.box(address.lower())
        except MissingError:
            return None
        closed = box["disabled"] or targets(box)
        return box if not closed and verify_password(password, box["password"]) else None

    def _box_columns(self, address: str, values: Mapping[str, object]) -> dict[str, object]:
        columns = dict(values)
        if "redirectTo" in columns:
            listed = columns["redirectTo"]
            if not isinstance(listed, list) or not all(isinstance(target, str) for target in listed):
                raise InvalidError("redirectTo", "This value is not a list of email addresses.")
            lowered = list(dict.fromkeys(target.lower() for target in listed))
            for target in lowered:
                self._check_target(address, target)
            columns["redirectTo"] = json.dumps(lowered)
        return columns

    def _check_target(self, address: str, target: str) -> None:
        local_part, _, domain = target.rpartition("@")
        if local_part == "*":
            try:
                self.store.domain(domain)
            except MissingError as missing:
                raise InvalidError("redirectTo", "Only local domains may have a wildcard (*).") from missing
        elif not is_address(target):
            raise InvalidError("redirectTo", f"{target} is not a valid email address.")
        elif target == address:
            raise InvalidError("redirectTo", "An address cannot be redirected to itself.")


def targets(box: Row) -> list[str]:
    """Return where mail for a redirect goes; none for a mailbox."""
    listed: list[str] = json.loads(box["redirectTo"])
    return listed


def checked_hash(password: str) -> str:
    """Return the hash of an acceptable password; raises InvalidError for one that is too short."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidError("passwordPlaintext", f"Use {MIN_PASSWORD_LENGTH} characters or more.")
    return hash_password(password)


def _domain_columns(name: str, present: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    columns = dict(values)
    for switch, destination in _DESTINATIONS.items():
        if destination in columns:
            value = columns[destination] = str(columns[destination] or "").lower()
            valid = is_address if switch == "domainBin" else is_fqdn
            if value and not valid(value):
                raise InvalidError(destination, "This value is not valid.")
        wanted = {**present, **columns}
        if wanted.get(switch) and not wanted.get(destination):
            raise InvalidError(destination, _BLANK)
    if columns.get("forwardDomain") == name:
        raise InvalidError("forwardDomain", "A domain cannot be forwarded to itself.")
    return columns


def _refuse_own(deed: str, field: str, refused: bool) -> None:
    if refused:
        raise InvalidError(field, f"You cannot {deed} your own account while signed in.")
