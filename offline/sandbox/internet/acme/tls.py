"""The certificate by which the ACME servers speak TLS, and the small authority that has signed it; of openssl(1)."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from offline.sandbox.world import ACME_HOST

DAYS = "3650"
"""How long both are valid: longer than any container lives."""


@dataclass(frozen=True)
class Tls:
    """Files in PEM (RFC 7468): what a client needs to trust, and what a server shows and proves itself by."""

    authority: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make(settings: Path, folder: Path) -> Tls:
    """Make an authority and a certificate as the settings say, into a folder; raises CalledProcessError."""
    tls = Tls(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    authority_key = folder / "authority.key"
    request = (
        *("openssl", "req", "-x509", "-config", str(settings), "-days", DAYS),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"),
    )
    subprocess.run(
        (
            *(*request, "-extensions", "authority", "-subj", "/CN=Sandbox authority"),
            *("-keyout", str(authority_key), "-out", str(tls.authority)),
        ),
        check=True,
        stderr=subprocess.DEVNULL,
    )
    subprocess.run(
        (
            *(*request, "-extensions", "server", "-subj", f"/CN={ACME_HOST}"),
            *("-CA", str(tls.authority), "-CAkey", str(authority_key)),
            *("-keyout", str(tls.key), "-out", str(tls.certificate)),
        ),
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return tls
