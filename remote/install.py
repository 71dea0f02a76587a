"""Completes Poste's installer, once, proves that it is closed, and lets Poste have the configured administrator.

Runs on the server, hence standard library only. Standard input: {"url", "hostname", "admin", "password", "data": <the
folder that Poste sees as /data>, "web_ports": [<numbers>]}. Prints one JSON object: {"installed": true}. Run again, it
changes nothing.
"""

import contextlib
import html.parser
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import administrator
from poste_http import Poste

INSTALLER = "/admin/install/server"
START_DEADLINE = 600  # seconds; a first start makes databases and fetches virus signatures
FIELDS = ("install[hostname]", "install[superAdmin]", "install[superAdminPassword]")
# Beside Poste's own files: the container starts Poste only where one of them is, or server.ini.
ALLOWED, INSTALLED, SETTINGS = ".installing", ".installed", "server.ini"
SHUT = """
table inet poste_installer
delete table inet poste_installer
table inet poste_installer {{
  chain prerouting {{
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" tcp dport {{ {ports} }} drop
  }}
}}
"""


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
    """The installer's form, or None where the installer is closed, which only its redirect elsewhere proves."""
    answer = poste.wait(INSTALLER, START_DEADLINE)
    if answer.status in range(300, 400) and answer.location and not answer.location.startswith("/admin/install"):
        return None
    fields = _Form(answer.text).fields if answer.status == 200 else {}
    if all(field in fields for field in FIELDS):
        return fields
    sys.exit(
        f"Poste's installer page answers with status {answer.status} and the fields {sorted(fields)}, so whether it is "
        f"closed cannot be told. Expected a redirect to the login, or a form with the fields {', '.join(FIELDS)}."
    )


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


def nft(ruleset: str) -> None:
    done = subprocess.run(["nft", "--file", "-"], input=ruleset, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"nft failed: {done.stderr.strip()}")


@contextlib.contextmanager
def alone_with_poste(data: Path, web_ports: list[int]) -> Iterator[None]:
    """Let Poste start on an empty /data, with its web ports shut to the world.

    On a first deploy the cloud firewall has them shut anyway. Under a server whose volume was lost it is open, and
    whoever came first could claim the server. They open again only after the proof that the installer is closed.
    """
    nft(SHUT.format(ports=", ".join(map(str, web_ports))))
    allowed = data / ALLOWED
    allowed.touch()
    try:
        yield
    finally:
        allowed.unlink()
    nft("table inet poste_installer\ndelete table inet poste_installer\n")


def complete(request: dict[str, str]) -> None:
    """Fill the installer's form in, if it is open."""
    poste = Poste(request["url"])
    form = open_form(poste)
    if form is not None:
        install(poste, form, request["hostname"], request["admin"], request["password"])
        if open_form(Poste(request["url"])) is not None:
            sys.exit("Poste's installer is still open, so anyone who reaches the web ports could claim the server.")


def main() -> None:
    request = json.load(sys.stdin)
    data = Path(request["data"])
    empty = not any((data / mark).exists() for mark in (INSTALLED, SETTINGS))
    with alone_with_poste(data, request["web_ports"]) if empty else contextlib.nullcontext():
        complete(request)
    (data / INSTALLED).touch()
    url, admin, password = request["url"], request["admin"], request["password"]
    if not administrator.accepts(url, admin, password):
        administrator.appoint(url, admin, password, administrator.kept())
    administrator.keep(admin, password)
    print(json.dumps({"installed": True}))


if __name__ == "__main__":
    main()
