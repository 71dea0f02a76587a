"""The sandbox's own small authority, and the certificates that it signs; of openssl(1)."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from offline.sandbox.world import ACME_HOST, BRIEF_HOST

DAYS = "3650"
"""How long all are valid: longer than any container lives."""


@dataclass(frozen=True)
class Tls:
    """Files in PEM (RFC 7468): what a client needs to trust, and what a server shows and proves itself by.

    Beside the authority's certificate lies its key; `settings` are those of openssl-req(1).
    """

    settings: Path
    authority: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def pem(self) -> str:
        """What the server shows and proves itself by, in one text."""
        return self.key.read_text() + self.certificate.read_text()

    def issue(self, *names: str) -> Tls:
        """The same with a certificate for other names, in files called after the first; raises CalledProcessError."""
        issued = replace(
            self,
            certificate=self.authority.with_name(f"{names[0]}.pem"),
            key=self.authority.with_name(f"{names[0]}.key"),
        )
        _request(
            self.settings,
            *("-extensions", "server", "-subj", "/"),
            *("-addext", "subjectAltName=critical," + ",".join(f"DNS:{name}" for name in names)),
            *("-CA", str(self.authority), "-CAkey", str(self.authority.with_suffix(".key"))),
            *("-keyout", str(issued.key), "-out", str(issued.certificate)),
        )
        return issued


def make(settings: Path, folder: Path) -> Tls:
    """Make an authority and the ACME servers' certificate, in a folder; raises CalledProcessError."""
    authority = folder / "authority.pem"
    _request(
        settings,
        *("-extensions", "authority", "-subj", "/CN=Sandbox authority"),
        *("-keyout", str(authority.with_suffix(".key")), "-out", str(authority)),
    )
    return Tls(settings, authority, authority, authority.with_suffix(".key")).issue(ACME_HOST, BRIEF_HOST)


def _request(settings: Path, *arguments: str) -> None:
    """Make a key and a certificate of it."""
    subprocess.run(
        (
            *("openssl", "req", "-x509", "-config", str(settings), "-days", DAYS),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"),
            *arguments,
        ),
        check=True,
        stderr=subprocess.DEVNULL,
    )
