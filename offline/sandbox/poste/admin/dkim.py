"""DKIM keys (RFC 6376) as Poste keeps them.

The files ``private``, ``public`` and ``selector`` lie in the domain's folder below ``/data``. The mail servers look for
them through a link in their own configuration folder. Creating a key makes the links; a re-created container has the
files but not the links, and its mail goes out unsigned until they are made again.
"""

import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .layout import Layout

_FILES = ("private", "public", "selector")


@dataclass(frozen=True)
class DkimKey:
    """A domain's key: RSA-2048, both halves in PEM."""

    selector: str
    public: str
    private: str = field(repr=False)

    @property
    def record(self) -> str:
        """Content of the DNS record as Poste prints it: without ``v=DKIM1``, which RFC 6376 allows to be left out."""
        lines = self.public.strip().splitlines()
        return "k=rsa; p=" + "".join(lines[1:-1])


def read_key(layout: Layout, domain: str) -> DkimKey | None:
    """Return the domain's key, or None if it has none."""
    folder = layout.domain(domain)
    if not all((folder / name).is_file() for name in _FILES):
        return None
    return DkimKey(
        selector=(folder / "selector").read_text().strip(),
        public=(folder / "public").read_text(),
        private=(folder / "private").read_text(),
    )


def create_key(layout: Layout, domain: str) -> DkimKey:
    """Make a new key under a new selector, replacing any old one, and link it."""
    old = read_key(layout, domain)
    selector = _new_selector()
    while old and selector == old.selector:
        selector = _new_selector()
    private = _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    key = DkimKey(selector, _openssl("pkey", "-pubout", stdin=private), private)
    folder = layout.domain(domain)
    folder.mkdir(parents=True, exist_ok=True)
    # The selector goes last: the signer takes a key only when all three files are there.
    for name, mode, text in (("private", 0o640, private), ("public", 0o644, key.public), ("selector", 0o644, selector)):
        temporary = folder / f".{name}.new"
        temporary.touch(mode)
        temporary.write_text(text)
        temporary.replace(folder / name)
    link(layout, domain)
    return key


def delete_key(layout: Layout, domain: str) -> None:
    """Remove the domain's key files and links, as far as they are there."""
    for path in layout.dkim_links(domain):
        path.unlink(missing_ok=True)
    for name in _FILES:
        (layout.domain(domain) / name).unlink(missing_ok=True)


def link(layout: Layout, domain: str) -> None:
    """Let both mail servers find the domain's key."""
    for path in layout.dkim_links(domain):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_symlink():
            path.symlink_to(layout.domain(domain))


def remove_domain_files(layout: Layout, domain: str) -> None:
    """Remove everything a domain has on disk: key, links and mail."""
    delete_key(layout, domain)
    shutil.rmtree(layout.domain(domain), ignore_errors=True)


def _new_selector() -> str:
    return f"s{datetime.now(UTC):%Y%m%d}{secrets.randbelow(1000):03d}"


def _openssl(*arguments: str, stdin: str = "") -> str:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True, text=True).stdout
