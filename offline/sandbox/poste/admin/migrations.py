"""Versions of the stand-in, and what each start of a newer one makes of ``users.db``: there is no way back.

``python3 -m poste_admin.migrations`` brings the data base to the form of the image's version, or fails where it has a
newer one already: the container then ends, as often as it is started. A failed upgrade need not look like that, so the
newest version here starts, is healthy, and lets the administrator into its API, but has rewritten the passwords in a
way that IMAP and submission cannot read.
"""

import sqlite3
import sys
from pathlib import Path

from .layout import Layout
from .store import Store

SCHEMAS = {"2.5.11": 1, "2.6.0": 2, "2.7.0": 3}
"""The form of the data base, SQLite's ``user_version``, by the version of the image."""
_STEPS = {
    2: "ALTER TABLE mailboxes ADD COLUMN lastLogin TEXT",
    # Dovecot takes a hash without its scheme for one of its default scheme.
    3: "UPDATE mailboxes SET password = replace(password, '{SSHA512}', '')",
}


class NewerError(Exception):
    """A newer version has changed the data base; the text names both."""


def migrate(path: Path, version: str) -> list[int]:
    """Make the data base, or bring it to the form of a version; returns the steps taken. Raises NewerError."""
    wanted = SCHEMAS[version]
    with sqlite3.connect(path) as db:
        # One that was made before there was another form has no number.
        found = db.execute("PRAGMA user_version").fetchone()[0] or 1
    db.close()
    if found > wanted:
        raise NewerError(f"users.db has schema {found}, made by a newer version; Poste {version} knows {wanted}")
    Store(path).create_schema()
    steps = list(range(found + 1, wanted + 1))
    with sqlite3.connect(path) as db:
        db.execute("BEGIN")  # all of it or nothing, should the container be killed
        for step in steps:
            db.execute(_STEPS[step])
        db.execute(f"PRAGMA user_version = {wanted}")
    db.close()
    return steps


def main() -> None:
    """Do so for the image's own version and the container's volume."""
    layout = Layout()
    version = layout.version.read_text().strip()
    try:
        steps = migrate(layout.users_db, version)
    except NewerError as error:
        sys.exit(f"Poste.io cannot start: {error}")
    for step in steps:
        print(f"Poste.io {version}: users.db brought to schema {step}")


if __name__ == "__main__":
    main()
