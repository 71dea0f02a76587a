"""One mailbox or alias, brought to what the settings want. Runs on the server, hence standard library only.

A request is {"address", "kind": "mailbox", "alias", or "role" (an alias that nobody asked for), "wanted": {<field of
Poste's API>: <value>}, "quota": {"storageLimit": <MB>, "countLimit": <messages>}, "password": <text or null>, "always":
<bool>}, with what is not to be touched left out.
"""

import imaplib
import secrets
import ssl
from typing import Any
from urllib.parse import quote

import administrator
from poste_http import Answer, Poste, reason

IMAPS = 993
PAGE = 50000  # boxes in one answer
LEFT = "poste-mail: left the settings"
"""Poste's free text for a mailbox, so that one which comes back is enabled again, and one that a person disabled is
not.
"""
OURS = "poste-mail"
"""The same for an alias that was made here, so that one that nobody asks for any more follows the administrator, and
one of a person's does not.
"""
SHOWN = {
    "name": "name",
    "disabled": "disabled",
    "superAdmin": "super_admin",
    "internalOnly": "internal_only",
    "redirectTo": "redirect_to",
    "referenceId": "reference_id",
}
"""What Poste's API calls a field in its answers, by what it is called in a request."""
LIMITS = {"storageLimit": "storage_limit", "countLimit": "count_limit"}
"""The same of a quota; which of both its answers have is not known of every version."""
CREATED = "created"


class RefusedError(Exception):
    """Poste does not do it, or it would lose something; the text says which address, and why."""


def path(address: str, part: str = "") -> str:
    return f"/boxes/{quote(address, safe='')}{part}"


def checked(answer: Answer, what: str) -> Answer:
    """An answer that is a success. Raises RefusedError with what Poste says of another."""
    if answer.status not in range(200, 300):
        raise RefusedError(f"Poste's API answers {answer.status} when asked to {what}{reason(answer)}.")
    return answer


def boxes(poste: Poste) -> dict[str, dict[str, Any]]:
    """All that Poste has, by address. Raises RefusedError.

    The hashes of passwords, which stand there too, go no further.
    """
    found: dict[str, dict[str, Any]] = {}
    page, last = 1, 1
    while page <= last:
        told = checked(poste.api("GET", f"/boxes?page={page}&paging={PAGE}"), "list the mailboxes").json()
        if not isinstance(told, dict) or not isinstance(told.get("results"), list):
            raise RefusedError("Poste's API answers with no mailboxes when asked to list them.")
        for box in told["results"]:
            found[str(box["address"]).lower()] = {name: box[name] for name in (*SHOWN.values(), CREATED) if name in box}
        page, last = page + 1, int(told.get("last_page") or 1)
    return found


def bring(poste: Poste, request: dict[str, Any], box: dict[str, Any] | None) -> None:
    """Make or change what a request wants. Raises RefusedError. `box` is what Poste has at its address.

    A mailbox that is there is changed in place where it differs; its password only with `always`, and only where nobody
    can sign in with it. What is at a role's address and was not made here is left alone.
    """
    address = request["address"]
    if box is None:
        make(poste, request)
    else:
        change(poste, request, box)
        if request["always"] and request["password"] and not signs_in(address, request["password"]):
            new = {"passwordPlaintext": request["password"]}
            checked(poste.api("PATCH", path(address), new), f"set the password of {address}")
    set_quota(poste, address, request["quota"])


def make(poste: Poste, request: dict[str, Any]) -> None:
    address, wanted = request["address"], dict(request["wanted"])
    password = known_password(request)
    if request["kind"] != "mailbox":
        wanted["referenceId"] = OURS
    box = {"email": address, "name": "", "passwordPlaintext": password, **wanted}
    checked(poste.api("POST", "/boxes", box), f"make {address}")


def known_password(request: dict[str, Any]) -> str:
    """The password to make an address with. Raises RefusedError where a mailbox has none."""
    if request["kind"] != "mailbox":
        # Poste wants one for each address. Nobody signs in with this one.
        return f"aA1-{secrets.token_urlsafe(32)}"
    if not request["password"]:
        raise RefusedError(
            f"{request['address']} is no mailbox of Poste's yet, and the stack has no password for it. Set one with: "
            f"./run mail mailbox passwd {request['address']} --stack …"
        )
    return str(request["password"])


def change(poste: Poste, request: dict[str, Any], box: dict[str, Any]) -> None:
    address, wanted = request["address"], dict(request["wanted"])
    is_alias = bool(box.get("redirect_to"))
    if request["kind"] == "role" and not (is_alias and box.get("reference_id") == OURS):
        return
    if is_alias and request["kind"] == "mailbox":
        known_password(request)
        # It has no mail that could be lost.
        delete(poste, address)
        make(poste, request)
        return
    if not is_alias and request["kind"] == "alias":
        raise RefusedError(
            f"{address} is a mailbox in Poste, perhaps with mail, and the settings want an alias. If it may go, take "
            "it off the settings and name it in deleteMailboxes for one deploy."
        )
    if box.get("reference_id") == LEFT:
        wanted = {"disabled": False, **wanted, "referenceId": ""}
    other = {name: value for name, value in wanted.items() if not same(box.get(SHOWN[name]), value)}
    if is_alias and other and not box.get("reference_id"):
        other["referenceId"] = OURS
    if other:
        checked(poste.api("PATCH", path(address), other), f"change {address}")


def same(shown: Any, wanted: Any) -> bool:
    """Whether a field is as it should be, whatever the order of those that an alias leads to."""
    if isinstance(shown, list) and isinstance(wanted, list):
        return sorted(map(str, shown)) == sorted(wanted)
    return bool(shown == wanted)


def set_quota(poste: Poste, address: str, wanted: dict[str, int]) -> None:
    if not wanted:
        return
    told = checked(poste.api("GET", path(address, "/quota")), f"show the quota of {address}").json()
    known = {name: told.get(shown, told.get(name)) for name, shown in LIMITS.items()}
    if any(known[name] != value for name, value in wanted.items()):
        both = {name: value for name, value in (known | wanted).items() if value is not None}
        checked(poste.api("PATCH", path(address, "/quota"), both), f"change the quota of {address}")


def signs_in(address: str, password: str) -> bool:
    """Whether the password is the mailbox's. Raises RefusedError where that cannot be told."""
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        with imaplib.IMAP4_SSL("127.0.0.1", IMAPS, ssl_context=unverified, timeout=30) as server:
            server.login(address, password)
    except (OSError, imaplib.IMAP4.abort) as error:
        unknown = f"Poste's IMAP does not answer, which tells whether {address}'s password is the right one: {error}"
        raise RefusedError(unknown) from error
    except imaplib.IMAP4.error:
        return False
    return True


def leave(poste: Poste, address: str, kind: str, box: dict[str, Any] | None) -> None:
    """What becomes of an address that the settings named as this kind, and no longer do. Raises RefusedError.

    A mailbox is disabled and keeps its mail, but for the administrator's; an alias is deleted. What is there as
    something else by now is not what the settings named.
    """
    if box is None:
        return
    is_alias = bool(box.get("redirect_to"))
    is_administrator = address == administrator.known()[0]
    if kind == "mailbox" and not (is_alias or is_administrator or box.get("disabled")):
        answer = poste.api("PATCH", path(address), {"disabled": True, "referenceId": LEFT})
        if answer.status != 404:  # deleted meanwhile
            checked(answer, f"disable {address}")
    if is_alias and (kind == "alias" or (kind == "role" and box.get("reference_id") == OURS)):
        delete(poste, address)


def delete(poste: Poste, address: str) -> None:
    """Delete it with all its mail. Raises RefusedError."""
    answer = poste.api("DELETE", path(address))
    if answer.status != 404:
        checked(answer, f"delete {address}")
