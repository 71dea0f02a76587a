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
import re
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import units
import whole_file
from certificate_authority import RefusedError, Request, account, order, register, run, tell_contact
from certificate_keys import TooYoungError, certified, digest
from served import serve

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
POSTES_OWN = re.compile(r"^([ \t]*cert_domains[ \t]*=)", re.MULTILINE)


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
        with alone():
            # Not before: a deploy that was at it until now may have told something else.
            told = json.loads(Path(sys.argv[2], REQUEST).read_text())
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
