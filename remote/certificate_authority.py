"""How the certificate authority is asked by ACME (RFC 8555), with certbot as the client, and what its refusals mean.

Runs on the server, hence standard library only.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from certificate_keys import Keys
from served import Port

PAUSES = (5, 10)  # seconds before a second and a third try: a name server may take that long to show a new record
DEADLINE = 240  # seconds, after which no further try begins
TRY = 180  # seconds for one
TIMES = 5  # that one and the same is asked for, while the authority does not take a nonce
PROBE = 60  # seconds until Poste's web server hands out a challenge

NOISE = re.compile(
    r"^(Saving debug log|Requesting a certificate|Renewing an existing certificate|Ask for help|See the logfile|"
    r"Some challenges have failed|Account registered|An unexpected error occurred|Hint: |Plugins selected|Registering|"
    r"Certbot failed to authenticate)"
)
THROTTLED = re.compile(r"rateLimited|too many|rate limit", re.IGNORECASE)
UNBOUND = re.compile(r"externalAccountRequired|external account binding|eab", re.IGNORECASE)
FORBIDDEN = re.compile(r"\bCAA record\b|acme:error:caa", re.IGNORECASE)
FORGOTTEN = re.compile(
    r"accountDoesNotExist|No such account|account .{0,80}not found|unable to find account", re.IGNORECASE
)
STALE = re.compile(r"badNonce|anti-replay nonce", re.IGNORECASE)
UNSEEN = re.compile(r"\bType: |not finalized by the CA")
"""Certbot names the type of problem where the authority looked for the challenge, or says that it looks still."""


class RefusedError(Exception):
    """There is no new certificate; the text says why, and what to do."""


@dataclass(frozen=True)
class Request:
    """What certificate.py was told, and the folders that follow from it."""

    names: Sequence[str]
    authority: str
    email: str | None
    folder: Path
    challenges: Path
    data: Path
    container: str
    ports: Sequence[Port]
    rotation: int
    published: bool

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Request":
        ports = [Port(**port) for port in told["ports"]]
        return cls(
            told["names"],
            told["authority"],
            told["email"],
            Path(told["folder"]),
            Path(told["challenges"]),
            Path(told["data"]),
            told["container"],
            [port for port in ports if port.security != "none"],
            # An earlier version of this program told the timer neither.
            told.get("rotation", 0),
            told.get("published", False),
        )

    @property
    def host(self) -> str:
        return self.names[0]

    @property
    def home(self) -> Path:
        """The folder of this authority, so that who goes back to it finds the certificate, and asks for none."""
        return self.folder / re.sub(r"[^A-Za-z0-9.-]+", "-", self.authority.partition("://")[2]).strip("-")

    @property
    def lineage(self) -> Path:
        """Where certbot keeps the host's newest certificate, chain and key."""
        return self.home / "config" / "live" / self.host

    @property
    def keys(self) -> Keys:
        """The present and the next key."""
        return Keys(self.folder, self.lineage)


def run(*command: str, timeout: float | None = None) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, env=environment)


def ask(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run certbot, and again where the authority did not take a nonce: that says nothing of what was asked for, and one
    is to ask anew (RFC 8555, section 6.5), which certbot does only once.
    """
    for _ in range(TIMES):
        done = run("certbot", *command, timeout=TRY)
        if done.returncode == 0 or not STALE.search(f"{done.stdout}\n{done.stderr}"):
            break
    return done


def hand_out(request: Request) -> None:
    """Prove that what lies in the challenges' folder is handed out by Poste. Raises RefusedError.

    Authorities count failed tries, and a server that cannot answer needs to ask none.
    """
    probe = request.challenges / f"probe-{os.urandom(8).hex()}"
    probe.write_text(probe.name)
    url = f"http://127.0.0.1/.well-known/acme-challenge/{probe.name}"
    question = urllib.request.Request(url, headers={"Host": request.host})
    deadline = time.monotonic() + PROBE
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        while True:
            try:
                with direct.open(question, timeout=10) as answer:
                    said = answer.read(100).decode(errors="replace")
                if said == probe.name:
                    return
                said = "something else"
            except (OSError, urllib.error.HTTPError) as error:
                said = str(error)
            if time.monotonic() > deadline:
                raise RefusedError(
                    f"Poste's own web server does not hand out what lies in {request.challenges}, which the authority "
                    f"will look for: it answers {said}. Look at docker logs {request.container}"
                )
            time.sleep(1)
    finally:
        probe.unlink()


def order(request: Request, binding: dict[str, str] | None) -> None:
    """Ask the authority for a certificate, and again after a pause if that came too early. Raises RefusedError."""
    hand_out(request)
    began = time.monotonic()
    said = ""
    for pause in (0, *PAUSES):
        if time.monotonic() - began + pause > DEADLINE:
            break
        time.sleep(pause)
        said = certbot(request, binding)
        if said and FORGOTTEN.search(said):
            # An authority for trials forgets its accounts now and then. Kept beside, for whoever wants to know.
            accounts = request.home / "config" / "accounts"
            accounts.rename(accounts.with_name(f"accounts-forgotten-{int(time.time())}"))
            said = certbot(request, binding)
        if not said:
            return
        if THROTTLED.search(said) or UNBOUND.search(said):
            break
    raise RefusedError(f"{urlsplit(request.authority).hostname} said: {said}. {advice(request, said)}")


def advice(request: Request, said: str) -> str:
    """What to do about the words of an authority."""
    if THROTTLED.search(said):
        return "Wait until the time that it names, then deploy again; until then it would only say the same"
    if FORBIDDEN.search(said):
        return (
            "Its CAA record may name an account that is none any more: raise the setting rerun by one and deploy, and "
            "it names the one that the server has"
        )
    if UNBOUND.search(said):
        return (
            "Set acmeKeyId and acmeHmacKey, which this authority gives to those who have an account, and deploy again"
        )
    if UNSEEN.search(said):
        return (
            f"It must get an answer at http://{request.host}/.well-known/acme-challenge/, on port 80, from anywhere, "
            "on the IPv6 address first if the name has one. Compare A and AAAA in DNS with the stack's addresses, look "
            "whether anything in front closes port 80, and deploy again"
        )
    return "Deploy again later; the server itself tries again every hour"


def certbot(request: Request, binding: dict[str, str] | None) -> str:
    """Run certbot once. What it said went wrong, in one line; empty where there is a certificate."""
    command = [
        *("certonly", "--agree-tos", *common(request), *contact(request)),
        *("--webroot", "--webroot-path", str(request.challenges.parents[1]), "--cert-name", request.host),
        # The key stays, so that a DANE record (RFC 7671, 3 1 1) stays right.
        *("--key-type", "ecdsa", "--reuse-key"),
        # Whether it is due is decided here, the same for every version of certbot.
        *("--force-renewal", "--renew-with-new-domains"),
        *(part for name in request.names for part in ("--domain", name)),
    ]
    with secret_settings(binding) as settings:
        try:
            done = ask(*command, *settings)
        except subprocess.TimeoutExpired:
            return f"nothing within {TRY} s"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines()]
    told = [line for line in lines if line.strip("- ") and not NOISE.match(line)]
    return " ".join(told)[-1500:].rstrip(".") or f"nothing (certbot ended with {done.returncode})"


def common(request: Request) -> Iterator[str]:
    """Options of every call of certbot."""
    yield from ("--non-interactive", "--server", request.authority)
    for name in ("config", "work", "logs"):
        yield from (f"--{name}-dir", str(request.home / name))


def contact(request: Request) -> Sequence[str]:
    """Options that say where the authority may write to."""
    return ("--email", request.email, "--no-eff-email") if request.email else ("--register-unsafely-without-email",)


def tell_contact(request: Request) -> None:
    """Let the authority know of another contact than it was told. Ends the program with its words."""
    done = ask("update_account", *common(request), *contact(request))
    if done.returncode != 0:
        sys.exit(
            f"{urlsplit(request.authority).hostname} does not take the new certificateEmail: {done.stderr.strip()}"
        )


@contextlib.contextmanager
def secret_settings(binding: dict[str, str] | None) -> Iterator[list[str]]:
    """Options of certbot that keep the account's binding off its command line."""
    if binding is None:
        yield []
        return
    with tempfile.NamedTemporaryFile("w", dir="/run", suffix=".ini") as file:
        file.write(f"eab-kid = {binding['key_id']}\neab-hmac-key = {binding['hmac_key']}\n")
        file.flush()
        yield ["--config", file.name]


def account(request: Request) -> str:
    """The URI of the account at the authority; empty where there is none yet."""
    registrations = list((request.home / "config" / "accounts").rglob("regr.json"))
    newest = max(registrations, key=lambda file: file.stat().st_mtime, default=None)
    return str(json.loads(newest.read_text())["uri"]) if newest else ""


def register(request: Request, binding: dict[str, str] | None) -> None:
    """Make the account at the authority, if there is none. Ends the program with the authority's words."""
    if account(request):
        return
    with secret_settings(binding) as settings:
        done = ask("register", "--agree-tos", *common(request), *contact(request), *settings)
    if done.returncode != 0:
        said = " ".join(line for line in done.stderr.splitlines() if line and not NOISE.match(line)).rstrip(".")
        sys.exit(
            f"There is no account at {urlsplit(request.authority).hostname}: it said: {said}. {advice(request, said)}. "
            "Mail works meanwhile, with the certificate that Poste has."
        )
