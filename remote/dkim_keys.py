"""The DKIM keys of a domain that take turns: the next and the former one, and how far a change of them has come.

Runs on the server, hence standard library only. They lie on the volume, each file written whole and root's alone. Which
selector is of which rotation lies beside the scripts, so that the key that signs is known where the folder is lost.
"""

import contextlib
import fcntl
import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import whole_file

KNOWN = Path("/opt/poste-mail/dkim.json")
LOCKS = Path("/run/lock/poste-dkim")
SELECTOR = re.compile(r"s\d{11}")
"""As Poste makes them: a date and three digits. Later keys have greater ones."""


@dataclass(frozen=True)
class Key:
    """A key of RSA: `public_key` in base64, `private` in PEM, or nothing where it was deleted or is not told."""

    selector: str
    public_key: str
    private: str = field(default="", repr=False)

    def is_same(self, other: "Key | None") -> bool:
        return other is not None and (self.selector, self.public_key) == (other.selector, other.public_key)

    @property
    def told(self) -> dict[str, str]:
        """What everybody may know."""
        return {"selector": self.selector, "public_key": self.public_key}


@dataclass
class Progress:
    """How far the change to the key of a rotation has come."""

    rotation: int
    selector: str = ""
    served: float = 0
    """Since when all name servers are known to serve its record, in seconds since the epoch; 0 while they do not."""
    loops: bool = False
    """Whether a message of the administrator's to himself was signed before."""
    since: float = 0
    """Since when it is known to sign."""


class Shelf:
    """The keys of one domain, by generation."""

    def __init__(self, folder: str, domain: str) -> None:
        self._folder, self._domain = Path(folder) / domain, domain

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One at a time: a deploy that was cut off may still be at it."""
        LOCKS.mkdir(parents=True, exist_ok=True)
        with (LOCKS / self._domain).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def key(self, generation: int) -> Key | None:
        """The key of a generation, if it is here."""
        found = _read(self._file(generation))
        return Key(**found) if found else None

    def keep(self, generation: int, key: Key) -> None:
        """Put a key here, in the place of another of its generation."""
        self._write(self._file(generation), asdict(key))

    def make(self, generation: int, after: Key) -> Key:
        """A new key, whose selector is greater than that of the one before."""
        private = _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        made = Key(_selector(after.selector), bare(_openssl("pkey", "-pubout", stdin=private)), private)
        self.keep(generation, made)
        return made

    def retire(self, generation: int) -> None:
        """Delete the private half of a generation's key, and all of those before it."""
        key = self.key(generation)
        if key and key.private:
            self.keep(generation, replace(key, private=""))
        for file in self._folder.glob("[0-9]*.json"):
            if int(file.stem) < generation:
                file.unlink()

    def progress(self, rotation: int) -> Progress:
        """How far a change has come; that of another rotation tells nothing of it."""
        found = _read(self._folder / "progress.json")
        return Progress(**found) if found.get("rotation") == rotation else Progress(rotation)

    def note(self, progress: Progress) -> None:
        self._write(self._folder / "progress.json", asdict(progress))

    def generation_of(self, selector: str) -> int | None:
        """The rotation that a key belongs to which has signed here, even where the keys themselves are lost."""
        found: int | None = _read(KNOWN).get(f"{selector}._domainkey.{self._domain}")
        return found

    def remember(self, key: Key, generation: int) -> None:
        """Have it known to which rotation the key that signs belongs."""
        mine = f"._domainkey.{self._domain}"
        others = {name: number for name, number in _read(KNOWN).items() if not name.endswith(mine)}
        whole_file.write(KNOWN, json.dumps(others | {f"{key.selector}{mine}": generation}))

    def _file(self, generation: int) -> Path:
        return self._folder / f"{generation}.json"

    def _write(self, file: Path, what: dict[str, Any]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole_file.write(file, json.dumps(what))


def bare(key: str) -> str:
    """A public key as base64 alone, whether it came as that, as PEM or as a DNS record."""
    record = re.search(r"p=([A-Za-z0-9+/=\s\"]+)", key) if "p=" in key else None
    text = record[1] if record else re.sub(r"-----[^-]+-----", "", key)
    return re.sub(r'[\s"]', "", text)


def pem(public_key: str) -> str:
    """A public key in PEM (RFC 7468)."""
    lines = [public_key[start : start + 64] for start in range(0, len(public_key), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def signing_key(data: Path, domain: str) -> Key | None:
    """The key that Poste signs a domain's mail with; None where there is no whole one. `data` is what it has as /data.

    The public half is taken from the private one, which is what signs.
    """
    folder = data / "domains" / domain
    try:
        selector, private = (folder / "selector").read_text().strip(), (folder / "private").read_text()
    except OSError:
        return None
    return Key(selector, bare(_openssl("pkey", "-pubout", stdin=private)), private)


def _selector(before: str) -> str:
    made = f"s{time.strftime('%Y%m%d', time.gmtime())}{secrets.randbelow(1000):03d}"
    return f"s{int(before[1:]) + 1}" if SELECTOR.fullmatch(before) and made <= before else made


def _openssl(*arguments: str, stdin: str = "") -> str:
    """What openssl prints. Keys go in and out by its standard streams."""
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"openssl {arguments[0]} fails: {done.stderr.strip()[:300]}")
    return done.stdout


def _read(file: Path) -> dict[str, Any]:
    """What a file holds; empty where there is none, or none that can be read."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
