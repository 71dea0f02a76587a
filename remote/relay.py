"""Has Poste hand all outgoing mail to a relay that lets it sign in; with `off` behind it, has Poste deliver it itself.

Runs on the server, hence standard library only. Standard input: {"container", "data": <what Poste has as /data>,
"folder": <where it is noted which route is ours>, "host": <the mail host's name, for EHLO>, "route": <as Poste writes
it>, "relay": {"host", "port", "user", "password"}}, of which `off` needs the first three. Prints one JSON object:
{"route": <host:port, or "" where mail goes directly>, "changed": <bool>}.

The relay is asked first. One that refuses or is not reached ends the program with nothing changed. `off` takes out the
route that is noted as ours, however it came there, from a backup say; one that a person has set in Poste's pages is
left where it is. Poste keeps the password in clear, in /data/server.ini and in files of its mail servers; what Poste's
own script prints is therefore never shown.
"""

import base64
import hashlib
import json
import smtplib
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exclusive
import services
import whole_file
from container import execute
from routes import SETTINGS, TO_ALL, put, read, shown

PATIENCE = 600  # seconds until whoever else is at Poste's data has to be done
ANSWER = 30  # seconds for each answer of the relay's
TLS_AT_ONCE = 465
NOTE = "route.json"

APPLY = "/etc/cont-init.d/20-apply-server-config"
APPLIED = f"{APPLY} >/dev/null 2>&1 || {{ echo '{APPLY} fails' >&2; exit 1; }}"


@dataclass(frozen=True)
class Note:
    """Which route is ours."""

    digest: str
    applied: bool
    """Whether Poste has taken it."""

    def write(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole_file.write(folder / NOTE, json.dumps({"digest": self.digest, "applied": self.applied}))


def noted(folder: Path) -> Note | None:
    """What an earlier run has noted."""
    file = folder / NOTE
    return Note(**json.loads(file.read_text())) if file.exists() else None


def digest(value: str) -> str:
    """By this a route is known, without a second place that holds the password."""
    return hashlib.sha256(value.encode()).hexdigest()


class SignInError(Exception):
    """A relay does not let the server sign in; the text says why, in a sentence or more."""


def sign_in(relay: dict[str, Any], name: str) -> None:
    """Sign in to a relay, over a connection that proves its name. Raises SignInError. `name` is the mail host's."""
    host, port = relay["host"], int(relay["port"])
    place = f"The relay {host}, port {port},"
    trusted = ssl.create_default_context()
    try:
        if port == TLS_AT_ONCE:
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, name, timeout=ANSWER, context=trusted)
        else:
            server = smtplib.SMTP(host, port, name, timeout=ANSWER)
        with server:
            if port != TLS_AT_ONCE:
                server.starttls(context=trusted)
            server.login(relay["user"], relay["password"])
    except smtplib.SMTPAuthenticationError as error:
        # With a 4 in front (RFC 5321, section 4.2.1) it goes by, as where a relay is overloaded.
        later = error.smtp_code < 500
        right = "Try again later" if later else "Set relay.user and relay.password as the relay gave them"
        raise SignInError(
            f"{place} refuses the sign-in of {relay['user']}: {error.smtp_code} {_repeated(error, relay)}. {right}."
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise SignInError(f"{place} does not prove its name: {error.verify_message}. Set relay.host right.") from None
    except UnicodeEncodeError:
        raise SignInError(f"{place} cannot be told a user or password with other characters than ASCII's.") from None
    except (OSError, smtplib.SMTPException) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, smtplib.SMTPResponseException):
            said = f"{error.smtp_code} {_repeated(error, relay)}"
        silent = port == TLS_AT_ONCE and isinstance(error, TimeoutError)
        blocked = ". Hetzner blocks 465 until it has been asked; 587 and 2525 are free" if silent else ""
        raise SignInError(f"{place} does not let anyone sign in: {said}{blocked}.") from None


def _repeated(error: smtplib.SMTPResponseException, relay: dict[str, Any]) -> str:
    """What a relay says, without the password, which some repeat with the command that they refuse."""
    said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
    user, password = relay["user"], relay["password"]
    sent = (base64.b64encode(text.encode()).decode() for text in (f"\0{user}\0{password}", password))
    for secret in (*sent, password):
        said = said.replace(secret, "…")
    return " ".join(said.split())


def apply(container: str) -> None:
    """Have Poste's mail servers follow server.ini, and see both come back. Ends the program where one does not."""
    execute(container, APPLIED)
    services.restart(container, *services.SIGNERS)
    services.return_of(container, *services.SIGNERS)


def on(request: dict[str, Any]) -> bool:
    """Have mail go through the relay; whether that is new."""
    data, folder, route = Path(request["data"]), Path(request["folder"]), request["route"]
    former, note = read(data).value, noted(folder)
    if former == route and (note is None or note == Note(digest(route), applied=True)):
        Note(digest(route), applied=True).write(folder)
        return False
    if not (data / SETTINGS).is_file():
        sys.exit(
            f"Poste has no {data / SETTINGS}, in which its routes stand. Nothing was changed. Bring it back from a "
            "backup (docs/recovery.md)."
        )
    if former and not TO_ALL.fullmatch(former):
        sys.exit(
            "Poste has routes for some recipients of its own (System settings, SMTP routes), beside which there can be "
            "no relay. Nothing was changed. Take them out there, or leave the setting relay out."
        )
    if former != route:
        try:
            sign_in(request["relay"], request["host"])
        except SignInError as error:
            sys.exit(f"{error} Nothing was changed.")
    with exclusive.alone("a change of the relay", PATIENCE):
        Note(digest(route), applied=False).write(folder)
        put(data, route)
        apply(request["container"])
        Note(digest(route), applied=True).write(folder)
    return True


def off(request: dict[str, Any]) -> bool:
    """Have Poste deliver mail itself again, unless its route is another one by now; whether that is new."""
    data, folder = Path(request["data"]), Path(request["folder"])
    note = noted(folder)
    if note is None:
        return False
    with exclusive.alone("a change of the relay", PATIENCE):
        route = read(data).value
        ours = not route or digest(route) == note.digest
        if ours:
            if (data / SETTINGS).is_file():
                put(data, "")
            apply(request["container"])
        (folder / NOTE).unlink()
    return ours


def no_place(data: Path, folder: Path, restored: Path) -> str:
    """Why `keep` could not have a /data go on with our route; empty where it can."""
    note = noted(folder)
    if not note or note.digest != digest(read(data).value) or (restored / SETTINGS).is_file():
        return ""
    return f"it has no {SETTINGS}, in which the relay is to stand. Take another one, or deploy without relay before"


def keep(data: Path, folder: Path, restored: Path, its_folder: Path) -> None:
    """Have a /data that comes in another one's place go on with our route, or without one where there is none by now.

    Those of a person stay as they come. `its_folder` is the one of the same time, with the note of then.
    """
    note, its_note = noted(folder), noted(its_folder)
    now, its_route = read(data).value, read(restored).value
    if note and its_route != now and note.digest == digest(now):
        put(restored, now)
    if not note and its_note and its_note.digest == digest(its_route):
        put(restored, "")


def main() -> None:
    request = json.load(sys.stdin)
    try:
        changed = off(request) if sys.argv[1:] == ["off"] else on(request)
    except OSError as error:
        # As where the volume is full; files are written whole or not at all, and the next run goes on.
        sys.exit(f"Poste's route could not be changed: {error}. Deploy again when that is mended.")
    print(json.dumps({"route": shown(read(Path(request["data"])).value), "changed": changed}))


if __name__ == "__main__":
    main()
