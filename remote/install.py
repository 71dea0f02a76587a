"""Completes Poste's installer, once, and proves that it is closed.

Runs on the server, hence standard library only. Standard input: {"url", "hostname", "admin", "password"}. Prints one
JSON object: {"installed": true}. Run again, it changes nothing.
"""

import html.parser
import json
import sys

from poste_http import Poste

INSTALLER = "/admin/install/server"
START_DEADLINE = 600  # seconds; a first start makes databases and fetches virus signatures
FIELDS = ("install[hostname]", "install[superAdmin]", "install[superAdminPassword]")


class _Form(html.parser.HTMLParser):
    """The named input fields of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "input" and attributes.get("name"):
            self.fields[attributes["name"] or ""] = attributes.get("value") or ""


def open_form(poste: Poste) -> dict[str, str] | None:
    """The installer's form, or None where it is closed."""
    answer = poste.wait(INSTALLER, START_DEADLINE)
    fields = _Form(answer.text).fields if answer.status == 200 else {}
    return fields if all(field in fields for field in FIELDS) else None


def install(poste: Poste, form: dict[str, str], hostname: str, admin: str, password: str) -> None:
    """Send the form with its own hidden fields (the token against forged requests is bound to the session)."""
    answer = poste.page(INSTALLER, form | dict(zip(FIELDS, (hostname, admin, password), strict=True)))
    if answer.status >= 500:
        sys.exit(
            f"Poste's installer failed with status {answer.status}. Known reasons: the domain or mailbox of {admin} "
            f"exists already, {hostname} is no full host name, or the container runs with no-new-privileges."
        )
    if answer.status == 200 or answer.location.startswith("/admin/install"):
        sys.exit(f"Poste's installer did not accept {hostname} and {admin}: it shows its form again.")


def main() -> None:
    request = json.load(sys.stdin)
    poste = Poste(request["url"], request["admin"], request["password"])
    form = open_form(poste)
    if form is not None:
        install(poste, form, request["hostname"], request["admin"], request["password"])
        if open_form(Poste(request["url"])) is not None:
            sys.exit("Poste's installer is still open, so anyone who reaches the web ports could claim the server.")
    login = poste.api("GET", "/domains")
    if login.status == 401:
        sys.exit(
            f"Poste is installed, but does not accept {request['admin']} with the configured password. If it was "
            "changed in the web interface, set the same one here: pulumi config set --secret adminPassword"
        )
    if login.status != 200:
        sys.exit(f"Poste is installed, but its API answers with status {login.status}.")
    print(json.dumps({"installed": True}))


if __name__ == "__main__":
    main()
