"""Gets the mail host's certificate by ACME (RFC 8555), has Poste serve it, and keeps it renewed.

Runs on the server, hence standard library only. Standard input: {"names": [<the mail host, then others>], "authority":
<address of its directory>, "email": <address or null>, "folder": <of accounts and certificates>, "challenges": <the
folder .well-known/acme-challenge that Poste's web server hands out>, "data": <what Poste sees as /data>, "container",
"ports": [{"number", "service", "security"}], "rotation": <raised when the key is to be another>, "published": <whether
TLSA records tell the keys>}, and, where the authority asks for it, "binding": {"key_id", "hmac_key"}. Prints one JSON
object: {"account": <URI of the account at the authority>}. Run again, it asks for no second certificate while a third
of the first one's lifetime is left.

With the argument `account` it only makes the account, so that a CAA record can name it before a certificate is asked
for, and starts the timer; with `keys` it prints the digests of the present and the next key, by slot; with `renew`, as
the timer calls it, it does all with what it was last told; `stop` ends the timer.
"""

import contextlib
import fcntl
import json
import os
import re
import ssl
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

import units
import whole_file
from certificate_keys import Keys, TooYoungError, certified, digest
from served import Port, serve

HERE = Path(__file__).resolve()
UNIT = "poste-certificate"
SERVICE = f"""\
[Unit]
Description=Renew the mail host's certificate
After=network-online.target docker.service

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 {HERE} renew {{folder}}
"""
TIMER = """\
[Unit]
Description=Look every hour whether the mail host's certificate is to be renewed

[Timer]
OnActiveSec=1h
OnUnitInactiveSec=1h
RandomizedDelaySec=10min

[Install]
WantedBy=timers.target
"""
"""Hours, not days: some authorities' certificates last a week, and an hour later the authority may be up again."""

LOCK = Path("/run/lock/poste-certificate")
STATUS, REQUEST = "status.json", "request.json"
INHERITED = "inherited"
"""Stands in an authority's home while what lies there was signed by another one, or for another mail host."""
SHARE = 1 / 3
"""Of its lifetime left, at which a certificate is renewed."""
PAUSES = (5, 10)  # seconds before a second and a third try: a name server may take that long to show a new record
DEADLINE = 240  # seconds, after which no further try begins
TRY = 180  # seconds for one
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
UNSEEN = re.compile(r"\bType: |not finalized by the CA")
"""Certbot names the type of problem where the authority looked for the challenge, or says that it looks still."""
POSTES_OWN = re.compile(r"^([ \t]*cert_domains[ \t]*=)", re.MULTILINE)


class RefusedError(Exception):
    """There is no new certificate; the text says why, and what to do."""


@dataclass(frozen=True)
class Validity:
    """From when to when a certificate holds, in seconds since 1970, and for which names."""

    begins: float
    ends: float
    names: frozenset[str]

    @property
    def is_due(self) -> bool:
        """Whether a third of its lifetime, or less, is left."""
        return self.ends - time.time() <= (self.ends - self.begins) * SHARE


@dataclass(frozen=True)
class Request:
    """What this script was told, and the folders that follow from it."""

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


def validity(certificate: Path) -> Validity | None:
    """How long a certificate holds; None where there is none that can be read."""
    done = run("openssl", "x509", "-in", str(certificate), "-noout", "-startdate", "-enddate", "-ext", "subjectAltName")
    found = dict(re.findall(r"^(notBefore|notAfter)=(.*)$", done.stdout, re.MULTILINE))
    if done.returncode != 0 or len(found) < 2:
        return None
    begins, ends = (float(ssl.cert_time_to_seconds(found[name])) for name in ("notBefore", "notAfter"))
    return Validity(begins, ends, frozenset(re.findall(r"DNS:([^,\s]+)", done.stdout)))


def is_current(request: Request) -> bool:
    """Whether the certificate that is there is for just these names and not due for renewal."""
    certificate, key = request.lineage / "cert.pem", request.lineage / "privkey.pem"
    found = validity(certificate)
    if found is None or found.names != set(request.names) or found.is_due or (request.home / INHERITED).exists():
        return False
    return certified(certificate) == digest(key.read_text())


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One run at a time: a deploy that was cut off may still be at it, and so may the timer."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
        *("certbot", "certonly", "--agree-tos", *common(request), *contact(request)),
        *("--webroot", "--webroot-path", str(request.challenges.parents[1]), "--cert-name", request.host),
        # The key stays, so that a DANE record (RFC 7671, 3 1 1) stays right.
        *("--key-type", "ecdsa", "--reuse-key"),
        # Whether it is due is decided here, the same for every version of certbot.
        *("--force-renewal", "--renew-with-new-domains"),
        *(part for name in request.names for part in ("--domain", name)),
    ]
    with secret_settings(binding) as settings:
        try:
            done = run(*command, *settings, timeout=TRY)
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
    done = run("certbot", "update_account", *common(request), *contact(request), timeout=TRY)
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
        done = run("certbot", "register", "--agree-tos", *common(request), *contact(request), *settings, timeout=TRY)
    if done.returncode != 0:
        said = " ".join(line for line in done.stderr.splitlines() if line and not NOISE.match(line)).rstrip(".")
        sys.exit(
            f"There is no account at {urlsplit(request.authority).hostname}: it said: {said}. {advice(request, said)}. "
            "Mail works meanwhile, with the certificate that Poste has."
        )


def silence_poste(request: Request) -> None:
    """Turn Poste's own client off, which would put its certificate in the place of this one."""
    settings = request.data / "server.ini"
    text = settings.read_text() if settings.exists() else ""
    if POSTES_OWN.search(text):
        with settings.open("r+") as file:  # in place, since it belongs to Poste's user
            file.write(POSTES_OWN.sub(r";\1", text))
            file.truncate()


def note(request: Request, result: str, error: str = "") -> None:
    """Write down how this try went, for whoever looks after the server."""
    found = validity(request.lineage / "cert.pem")
    status = {
        "tried": time.time(),
        "result": result,
        "error": error,
        "authority": request.authority,
        "names": sorted(found.names) if found else [],
        "begins": found.begins if found else None,
        "ends": found.ends if found else None,
    }
    whole_file.write(request.folder / STATUS, json.dumps(status))


def keep(request: Request, binding: dict[str, str] | None) -> None:
    """Get a certificate if there is none that will do, and have it served. Ends the program if that fails."""
    result = "current"
    try:
        silence_poste(request)
        former = request.keys.take_turns(request.rotation, published=request.published)
        if former or not is_current(request):
            issue(request, binding, former)
            result = "issued"
        request.keys.settle(request.rotation)
        serve(request.ports, request.host, request.lineage, request.data, request.container)
    except TooYoungError as error:
        note(request, "current")
        sys.exit(f"certificateKeyRotation: {error}. The certificate and its key stay as they are.")
    except RefusedError as error:
        note(request, "refused", str(error))
        sys.exit(
            f"There is no new certificate for {', '.join(request.names)}. {error}. Mail works meanwhile, with the "
            "certificate that Poste has."
        )
    except SystemExit as error:
        note(request, "not served", str(error))
        raise
    note(request, result)


def issue(request: Request, binding: dict[str, str] | None, former: str) -> None:
    """Get a certificate for the key that is there. Raises RefusedError, with the `former` key back in its place."""
    try:
        order(request, binding)
    except RefusedError:
        if former:
            request.keys.give_back(former)
        raise
    (request.home / INHERITED).unlink(missing_ok=True)


def keep_key(request: Request, former: Request) -> None:
    """Go on with the key of before, should another authority sign it, or the mail host have another name.

    What was signed before is served until there is the new certificate.
    """
    if not request.keys.are_those_of(former.keys):
        request.home.mkdir(mode=0o700, exist_ok=True)
        (request.home / INHERITED).touch()
        request.keys.inherit(former.keys)


def main() -> None:
    if sys.argv[1:] == ["stop"]:
        # The certificate stays where it is, and is served until it expires.
        units.end_timer(UNIT)
        return
    if sys.argv[1:2] == ["renew"]:
        told = json.loads(Path(sys.argv[2], REQUEST).read_text())
        with alone():
            keep(Request.of(told), None)
        return
    told = json.load(sys.stdin)
    if sys.argv[1:] == ["keys"]:
        print(json.dumps(Request.of(told).keys.digests()))
        return
    binding = told.pop("binding", None)
    request = Request.of(told)
    with alone():
        request.folder.mkdir(mode=0o700, exist_ok=True)
        before = request.folder / REQUEST
        earlier = json.loads(before.read_text()) if before.exists() else told
        keep_key(request, Request.of(earlier))
        email = earlier["email"]
        # From now on the timer goes on with it, should the authority be away today.
        whole_file.write(before, json.dumps(told | {"email": email}))
        units.set_timer(UNIT, SERVICE.format(folder=request.folder), TIMER)
        if sys.argv[1:] == ["account"]:
            register(request, binding)
            print(json.dumps({"account": account(request)}))
            return
        keep(request, binding)
        if email != request.email:
            tell_contact(request)
            whole_file.write(before, json.dumps(told))
        print(json.dumps({"account": account(request)}))


if __name__ == "__main__":
    main()
