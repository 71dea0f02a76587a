"""Which certificate each of Poste's ports serves, and how Poste is brought to serve another one.

Runs on the server, hence standard library only. Poste reads its certificate from /data/ssl: `server.crt`, `ca.crt` and
`server.key`; its own script copies these to where its services read them.
"""

import contextlib
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import services
from container import execute

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
STARTTLS = {"smtp": "smtp", "submission": "smtp", "pop3": "pop3", "imap": "imap", "sieve": "sieve"}
"""What openssl calls the protocol in which a service is asked to turn to TLS."""
SERVICES = {
    "smtp": "haraka-smtp",
    "submission": "haraka-submission",
    "submissions": "haraka-submission",
    "https": "nginx",
}
"""Which of Poste's services serves a port; all others are Dovecot's."""
DOVECOT = "dovecot"

COPY = "/etc/cont-init.d/21-certificate.sh"
RELOAD = f"""
set -e
{COPY} >&2
doveadm reload
s6-svc -h /run/s6/services/nginx
{services.RESTART}
"""

STALE, INCOMPLETE = "still another certificate", "the certificate without its chain"
"""What can be wrong with a port that answers."""

ANSWER = 20  # seconds: a port may greet late
SETTLE = 60  # seconds until a service serves the new files
NAP = 1  # seconds between two looks


@dataclass(frozen=True)
class Port:
    """A port that speaks TLS."""

    number: int
    service: str
    security: str

    @property
    def provider(self) -> str:
        """The service in the container that serves it."""
        return SERVICES.get(self.service, DOVECOT)


def chain(text: str) -> list[bytes]:
    """The certificates in a text, in order, as DER."""
    return [ssl.PEM_cert_to_DER_cert(found) for found in PEM.findall(text)]


def presented(port: Port, host: str) -> tuple[list[bytes], str]:
    """The certificates that a port presents, its own first; where there are none, why."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port.number}", "-servername", host, "-showcerts"]
    if port.security == "STARTTLS":
        command += ["-starttls", STARTTLS[port.service]]
    try:
        done = subprocess.run(command, input="", capture_output=True, text=True, timeout=ANSWER, check=False)
    except subprocess.TimeoutExpired:
        return [], f"no answer within {ANSWER} s"
    said = (done.stderr.strip().splitlines() or ["no certificate"])[-1]
    return chain(done.stdout), said


def wrong(ports: Sequence[Port], host: str, whole: Sequence[bytes]) -> dict[Port, str]:
    """The ports that do not present the whole chain, each with what is wrong there."""

    def look(port: Port) -> str:
        found, said = presented(port, host)
        if not found:
            return said
        if found[0] != whole[0]:
            return STALE
        return "" if set(whole) <= set(found) else INCOMPLETE

    with ThreadPoolExecutor(len(ports)) as pool:
        return {port: reason for port, reason in zip(ports, pool.map(look, ports), strict=True) if reason}


def reload(container: str) -> None:
    """Have Poste's services take the new files.

    nginx and Dovecot keep their connections, Dovecot for a minute unless its `shutdown_clients` is off; mail programs
    connect again. The mail servers read the files at their start only; what a sender was about to hand over then, it
    hands over again.
    """
    execute(container, RELOAD, *services.SIGNERS)


def serve(ports: Sequence[Port], host: str, lineage: Path, data: Path, container: str) -> None:
    """Have each port serve the certificate of a lineage (certbot's cert, chain and privkey); does nothing if all do.

    Ends the program with the numbers of the ports that do not.
    """
    whole = chain((lineage / "fullchain.pem").read_text())
    failing = wrong(ports, host, whole)
    if not failing:
        return
    for form in forms(data):
        put(lineage, data, form)
        reload(container)
        failing = settled(ports, host, whole)
        # One that does not answer is not restarted: whoever is connected to it would lose that for nothing.
        stale = sorted({port.provider for port, reason in failing.items() if reason == STALE})
        if stale:
            services.restart(container, *stale)
            failing = settled(ports, host, whole)
        if INCOMPLETE not in failing.values():
            break
    if not failing:
        return
    shown = "; ".join(f"port {port.number} ({port.service}): {reason}" for port, reason in failing.items())
    sys.exit(
        f"The certificate is there, but Poste does not serve it everywhere. {shown}. Look at the logs in {data}/log, "
        "and restart Poste, which takes mail away for some seconds: docker restart poste"
    )


def settled(ports: Sequence[Port], host: str, whole: Sequence[bytes]) -> dict[Port, str]:
    """What is still wrong when every port serves the new certificate, or none of the rest will."""
    deadline = time.monotonic() + SETTLE
    while True:
        failing = wrong(ports, host, whole)
        if all(reason == INCOMPLETE for reason in failing.values()) or time.monotonic() > deadline:
            return failing
        time.sleep(NAP)


def forms(data: Path) -> list[str]:
    """What to put into server.crt: the certificate alone, as Poste documents it, or with its chain.

    Reports differ in which of both makes the web server present the chain (Poste's own client writes the second), so
    what the ports then present decides; the form that stands there is tried first.
    """
    alone_first = ["cert.pem", "fullchain.pem"]
    with contextlib.suppress(OSError):
        if len(chain((data / "ssl" / "server.crt").read_text())) > 1:
            return alone_first[::-1]
    return alone_first


def put(lineage: Path, data: Path, form: str) -> None:
    """Put a lineage's files where Poste takes them from at each start, with the owner that it has there."""
    folder = data / "ssl"
    owner = folder.stat()
    for source, name, mode in (
        (form, "server.crt", 0o644),
        ("chain.pem", "ca.crt", 0o644),
        ("privkey.pem", "server.key", 0o600),
    ):
        new = folder / f".{name}.new"
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
            file.write((lineage / source).read_text())
        os.chown(new, owner.st_uid, owner.st_gid)
        new.replace(folder / name)
