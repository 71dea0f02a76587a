"""The administrator's address and password as Poste has them, kept on the server for the scripts; how one is appointed.

Runs on the server, hence standard library only. The file is root's alone. It is what lets a changed password be carried
out, since Poste asks for the old one, and keeps the password out of the input of every other script.
"""

import json
import sys
from pathlib import Path
from urllib.parse import quote

import whole_file
from poste_http import Poste, reason

FILE = Path("/opt/poste-mail/administrator.json")


def kept() -> tuple[str, str] | None:
    """Address and password, or None where nothing was kept yet."""
    return told_by(FILE)


def told_by(file: Path) -> tuple[str, str] | None:
    """What such a file tells, from a snapshot say; None where it is not there."""
    if not file.exists():
        return None
    found = json.loads(file.read_text())
    return found["address"], found["password"]


def known() -> tuple[str, str]:
    """Address and password; ends the program where the installer's step has not kept them."""
    found = kept()
    if found is None:
        sys.exit(f"{FILE} is missing on the server. Raise the setting rerun by one and deploy, which makes it again.")
    return found


def keep(address: str, password: str) -> None:
    whole_file.write(FILE, json.dumps({"address": address, "password": password}))


def accepts(url: str, admin: str, password: str) -> bool:
    """Whether Poste lets an administrator in. Ends the program where that cannot be told."""
    login = Poste(url, admin, password).api("GET", "/domains")
    if login.status not in (200, 401, 403):
        sys.exit(f"Poste is installed, but its API answers with status {login.status}{reason(login)}.")
    return login.status == 200


def appoint(url: str, admin: str, password: str, last: tuple[str, str] | None) -> None:
    """Make the configured administrator the one that Poste has, with the rights of the last one that it accepted.

    Ends the program with what to do where Poste does not accept that one, either.
    """
    if last is None or not accepts(url, *last):
        sys.exit(
            f"Poste does not accept {admin} with the configured password. If it was changed in Poste's administration, "
            "set the same one here: pulumi config set --secret adminPassword. If it is lost, set it on the server: "
            f"docker exec -it poste poste email:passwd {admin}"
        )
    poste = Poste(url, *last)
    box = f"/boxes/{quote(admin, safe='')}"
    found = poste.api("GET", box)
    is_alias = found.status == 200 and bool(found.json().get("redirect_to"))
    if is_alias:
        # A role's, say: nobody can sign in with it, and it holds no mail.
        poste.api("DELETE", box)
    if is_alias or found.status == 404:
        poste.ensure_domain(admin.rpartition("@")[2])
        account = {"email": admin, "name": "Administrator", "passwordPlaintext": password, "superAdmin": True}
        made = poste.api("POST", "/boxes", account)
    else:
        made = poste.api("PATCH", box, {"passwordPlaintext": password, "superAdmin": True, "disabled": False})
    if made.status not in range(200, 300) or not accepts(url, admin, password):
        sys.exit(f"Poste does not take the configured password for {admin}: status {made.status}{reason(made)}.")
