"""Domains and mailboxes in ``users.db``.

Exim and Dovecot read the same tables with their own SQL, so a rename here is a change in ``exim4.conf`` and
``dovecot.conf`` as well. Attribute names of the API (camelCase) are the column names.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

Row = sqlite3.Row

_SCHEMA = """
CREATE TABLE IF NOT EXISTS domains (
    name TEXT PRIMARY KEY,
    domainBin INTEGER NOT NULL DEFAULT 0,
    domainBinAddress TEXT NOT NULL DEFAULT '',
    forward INTEGER NOT NULL DEFAULT 0,
    forwardDomain TEXT NOT NULL DEFAULT '',
    forceRoute INTEGER NOT NULL DEFAULT 0,
    forceRouteHost TEXT NOT NULL DEFAULT '',
    disabled INTEGER NOT NULL DEFAULT 0,
    referenceId TEXT,
    created TEXT NOT NULL,
    updated TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mailboxes (
    address TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    domain TEXT NOT NULL REFERENCES domains(name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    superAdmin INTEGER NOT NULL DEFAULT 0,
    redirectTo TEXT NOT NULL DEFAULT '[]',  -- a JSON array; only an address without targets is a mailbox
    strictFromDisabled INTEGER NOT NULL DEFAULT 0,
    discard INTEGER NOT NULL DEFAULT 0,
    internalOnly INTEGER NOT NULL DEFAULT 0,
    referenceId TEXT,
    storageLimit INTEGER NOT NULL DEFAULT 0,
    countLimit INTEGER NOT NULL DEFAULT 0,
    created TEXT NOT NULL,
    updated TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS mailboxes_of_domain ON mailboxes(domain);
"""

_DOMAIN_COLUMNS = frozenset(
    {"name", "domainBin", "domainBinAddress", "forward", "forwardDomain", "forceRoute", "forceRouteHost", "disabled"}
    | {"referenceId", "created", "updated"}
)
_BOX_COLUMNS = frozenset(
    {"address", "user", "domain", "name", "password", "disabled", "superAdmin", "redirectTo", "strictFromDisabled"}
    | {"discard", "internalOnly", "referenceId", "storageLimit", "countLimit", "created", "updated"}
)


class DuplicateError(Exception):
    """The domain or mailbox exists already."""


class MissingError(Exception):
    """There is no such domain or mailbox."""


class Store:
    """One data base file; each call is a transaction of its own, so console and web app can work side by side."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create_schema(self) -> None:
        """Make the file and its tables if they are not there."""
        with self._connect() as db:
            # The journal mode is kept in the file. Readers (Exim, Dovecot) have no write access, which WAL would need.
            db.execute("PRAGMA journal_mode = DELETE")
            db.executescript(_SCHEMA)
        os.chmod(self._path, 0o640)

    def domains(self, query: str = "") -> list[Row]:
        """Return the domains whose name contains ``query``, by name."""
        with self._connect() as db:
            return db.execute("SELECT * FROM domains WHERE instr(name, ?) ORDER BY name", (query,)).fetchall()

    def domain(self, name: str) -> Row:
        """Return one domain; raises MissingError."""
        return self._one("SELECT * FROM domains WHERE name = ?", name)

    def create_domain(self, name: str, values: Mapping[str, object]) -> None:
        """Add a domain with the given columns; raises DuplicateError."""
        self._insert("domains", {**values, "name": name}, _DOMAIN_COLUMNS)

    def update_domain(self, name: str, values: Mapping[str, object]) -> None:
        """Set the given columns of a domain; raises MissingError."""
        self._update("domains", "name", name, values, _DOMAIN_COLUMNS)

    def delete_domain(self, name: str) -> None:
        """Remove a domain with its mailboxes; raises MissingError."""
        self._change("DELETE FROM domains WHERE name = ?", (name,))

    def boxes(self, query: str = "") -> list[Row]:
        """Return the mailboxes whose address contains ``query``, by address."""
        with self._connect() as db:
            return db.execute("SELECT * FROM mailboxes WHERE instr(address, ?) ORDER BY address", (query,)).fetchall()

    def box(self, address: str) -> Row:
        """Return one mailbox; raises MissingError."""
        return self._one("SELECT * FROM mailboxes WHERE address = ?", address)

    def create_box(self, address: str, values: Mapping[str, object]) -> None:
        """Add a mailbox with the given columns; raises DuplicateError, or MissingError if its domain is unknown."""
        user, domain = address.split("@")
        self.domain(domain)
        row = {"name": user, **values, "address": address, "user": user, "domain": domain}
        self._insert("mailboxes", row, _BOX_COLUMNS)

    def update_box(self, address: str, values: Mapping[str, object]) -> None:
        """Set the given columns of a mailbox; raises MissingError."""
        self._update("mailboxes", "address", address, values, _BOX_COLUMNS)

    def delete_box(self, address: str) -> None:
        """Remove a mailbox; raises MissingError."""
        self._change("DELETE FROM mailboxes WHERE address = ?", (address,))

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=60)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA foreign_keys = ON")
            # A killed container loses nothing by it, and hundreds of mailboxes are made in seconds.
            db.execute("PRAGMA synchronous = OFF")
            with db:
                yield db
        finally:
            db.close()

    def _one(self, sql: str, key: str) -> Row:
        with self._connect() as db:
            row: Row | None = db.execute(sql, (key,)).fetchone()
        if row is None:
            raise MissingError(key)
        return row

    # Names of tables and columns are those above and those that _checked lets through.

    def _insert(self, table: str, values: Mapping[str, object], columns: frozenset[str]) -> None:
        row = {**values, "created": _now(), "updated": _now()}
        marks = ", ".join("?" for _ in row)
        sql = f"INSERT INTO {table} ({', '.join(_checked(row, columns))}) VALUES ({marks})"  # noqa: S608
        try:
            with self._connect() as db:
                db.execute(sql, tuple(row.values()))
        except sqlite3.IntegrityError as error:
            raise DuplicateError(table) from error

    def _update(self, table: str, key: str, name: str, values: Mapping[str, object], columns: frozenset[str]) -> None:
        settings = "".join(f"{column} = ?, " for column in _checked(values, columns))
        sql = f"UPDATE {table} SET {settings}updated = ? WHERE {key} = ?"  # noqa: S608
        self._change(sql, (*values.values(), _now(), name))

    def _change(self, sql: str, values: tuple[object, ...]) -> None:
        with self._connect() as db:
            changed = db.execute(sql, values).rowcount
        if not changed:
            raise MissingError(str(values[-1]))


def _checked(values: Mapping[str, object], columns: frozenset[str]) -> list[str]:
    unknown = values.keys() - columns
    if unknown:
        raise ValueError(f"not a column: {sorted(unknown)}")
    return list(values)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
