"""The mail host's keys: the one that its certificate is for, and the next one, known before it is used.

Runs on the server, hence standard library only. Senders that heed DANE (RFC 7672) compare the key that port 25 presents
with TLSA records, which they may have read an hour ago. So the key stays at renewals and with another authority, and
when it is to be another, that is the one whose record has been standing beside the first all the time (RFC 7671,
section 8.1).

The two have slots, 0 and 1, as their records have: at a change one slot's key stays, and the other's is made anew.
"""

import hashlib
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import whole_file

KEYS = "keys.json"
"""Next key, slot of the present one, rotation and time, in one file, so that none is ever without the others."""
SETTLED = 2 * 86400  # seconds for which the next key's record stands before the key is used; twice the longest TTL
NOT_INHERITED = ("account", "server")
"""Of the settings of a renewal: they are the other authority's."""
DER = ("openssl", "pkey", "-pubout", "-outform", "DER")


class TooYoungError(Exception):
    """The next key was made a moment ago; the text says from when on it can be used."""


@dataclass(frozen=True)
class Keys:
    """The keys in the folder of accounts and certificates; the present one is the `lineage`'s, once there is one."""

    folder: Path
    lineage: Path

    @property
    def present(self) -> Path:
        """The file with the key that the certificate is for."""
        return self.lineage / "privkey.pem"

    def digests(self) -> dict[str, str]:
        """What the TLSA records hold, by slot: SHA-256 of each key's SubjectPublicKeyInfo (RFC 6698, section 2.1)."""
        known = self._known()
        slot = int(known["slot"])
        return {str(slot): digest(self.present.read_text()), str(1 - slot): digest(known["next"])}

    def settle(self, rotation: int) -> None:
        """Note whose turn it is now, and make the key that comes next. Run again, it changes nothing."""
        known = self._known()
        if not known:
            self._make_next(rotation, 0)
        elif self.has_taken_turns():
            self._make_next(rotation, 1 - known["slot"])

    def has_taken_turns(self) -> bool:
        """Whether what was the next key is in the present one's place, and no next one has been made yet."""
        known = self._known()
        return bool(known) and self.present.exists() and digest(self.present.read_text()) == digest(known["next"])

    def take_turns(self, rotation: int, *, published: bool) -> str:
        """Put the next key in the present one's place if that is asked for; returns the former key, or nothing.

        `published` is whether others know the keys by their records. Raises TooYoungError.
        """
        known = self._known()
        if not known or rotation <= known["rotation"] or not self.present.exists() or self.has_taken_turns():
            return ""
        usable = known["made"] + SETTLED
        if published and time.time() < usable:
            when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(usable))
            raise TooYoungError(f"The next key's record is too young for the key to be used. Deploy again after {when}")
        former = self.present.read_text()
        whole_file.write(self.present.resolve(), known["next"])
        return former

    def give_back(self, former: str) -> None:
        """Put the former key back, since there is no certificate for the other one."""
        whole_file.write(self.present.resolve(), former)

    def are_those_of(self, other: "Keys") -> bool:
        """Whether the present key is the other's present one; true where the other has none."""
        if not other.present.exists():
            return True
        return self.present.exists() and digest(self.present.read_text()) == digest(other.present.read_text())

    def inherit(self, former: "Keys") -> None:
        """Take certificate and key over from another lineage, with all that the next order needs."""
        for there, here in ((former._archive, self._archive), (former.lineage, self.lineage)):
            shutil.rmtree(here, ignore_errors=True)
            shutil.copytree(there, here, symlinks=True)
        for link in [file for file in self.lineage.iterdir() if file.is_symlink()]:
            # Certbot takes a lineage for broken whose links lead elsewhere.
            target = Path("../../archive", self.lineage.name, link.readlink().name)
            link.unlink()
            link.symlink_to(target)
        text = former._settings.read_text().replace(str(former._config), str(self._config))
        for folder in ("live", "archive"):
            text = text.replace(f"{folder}/{former.lineage.name}", f"{folder}/{self.lineage.name}")
        kept = [line for line in text.splitlines(keepends=True) if line.split("=")[0].strip() not in NOT_INHERITED]
        self._settings.parent.mkdir(parents=True, exist_ok=True)
        whole_file.write(self._settings, "".join(kept))

    @property
    def _config(self) -> Path:
        """Certbot's folder, in which the lineage is one of several."""
        return self.lineage.parents[1]

    @property
    def _archive(self) -> Path:
        return self._config / "archive" / self.lineage.name

    @property
    def _settings(self) -> Path:
        return self._config / "renewal" / f"{self.lineage.name}.conf"

    def _known(self) -> dict[str, Any]:
        file = self.folder / KEYS
        return json.loads(file.read_text()) if file.exists() else {}

    def _make_next(self, rotation: int, slot: int) -> None:
        command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        key = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        noted = {"next": key, "slot": slot, "rotation": rotation, "made": int(time.time())}
        whole_file.write(self.folder / KEYS, json.dumps(noted))


def digest(key: str) -> str:
    """SHA-256 of a private key's public half (SubjectPublicKeyInfo), in hexadecimal digits."""
    done = subprocess.run(DER, input=key.encode(), check=True, capture_output=True)
    return hashlib.sha256(done.stdout).hexdigest()


def certified(certificate: Path) -> str:
    """The same of the key that a certificate is for; empty where there is none that can be read."""
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-pubkey"]
    public = subprocess.run(command, check=False, capture_output=True).stdout
    done = subprocess.run([*DER, "-pubin"], input=public, check=False, capture_output=True)
    return hashlib.sha256(done.stdout).hexdigest() if public and done.returncode == 0 else ""
