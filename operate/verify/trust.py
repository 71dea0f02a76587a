"""Whose certificates are trusted: the system's authorities, and those that the stack's configuration adds."""

import functools
import ssl
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The project's root, from which a path in the configuration is read."""


@functools.cache
def trusting(authorities: Path | None, *, names: bool = True) -> ssl.SSLContext:
    """TLS that checks certificates, and unless told otherwise their names. Authorities are read once.

    Raises OSError for a file that does not hold the certificates of authorities.
    """
    context = ssl.create_default_context()
    context.check_hostname = names
    if authorities:
        context.load_verify_locations(authorities)
    return context


def authorities_in(written: Path) -> Path:
    """The file of further authorities, by its path from the project's root. Raises ValueError if it cannot be used."""
    file = ROOT / written
    try:
        trusting(file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(
            f"verify:authorities is {file}, which cannot be read: {reason}. Expected a PEM file with the certificates "
            "of further authorities, by its path from the project's root"
        ) from None
    return file
