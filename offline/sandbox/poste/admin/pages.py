"""The few HTML pages. Field names and ids are those of Poste's own forms, since programs post to them."""

from collections.abc import Mapping
from html import escape

INSTALL_FIELDS = {name: name for name in ("hostname", "superAdmin", "superAdminPassword")}
"""What the installer's fields are called: Poste's names."""
RENAMED_FIELDS = {"hostname": "server", "superAdmin": "administrator", "superAdminPassword": "password"}
"""What a later version of Poste might call them."""


def install_form(hostname: str, admin: str, token: str, errors: list[str], names: Mapping[str, str]) -> str:
    """Return the installer's only page."""
    host, address, password = (names[name] for name in INSTALL_FIELDS)
    return _page(
        "Server installation",
        errors,
        f"""<form name="install" method="post" action="/admin/install/server">
<label>Mailserver hostname
<input type="text" id="install_{host}" name="install[{host}]" required value="{escape(hostname)}"></label>
<label>Administrator email
<input type="email" id="install_{address}" name="install[{address}]" required value="{escape(admin)}"></label>
<label>Password
<input type="password" id="install_{password}" name="install[{password}]" required></label>
<input type="hidden" id="install__token" name="install[_token]" value="{escape(token)}">
<button type="submit">Submit</button></form>""",
    )


def login_form(token: str, errors: list[str]) -> str:
    """Return the administration's login page."""
    return _page(
        "Administration login",
        errors,
        f"""<form method="post" action="/admin/login">
<label>Email <input type="email" id="email" name="email" required></label>
<label>Password <input type="password" id="password" name="password" required></label>
<input type="hidden" name="_csrf_token" value="{escape(token)}">
<button type="submit">Sign in</button></form>""",
    )


def overview(user: str, domains: list[str]) -> str:
    """Return the page an administrator sees after the login."""
    items = "".join(f"<li>{escape(domain)}</li>" for domain in domains)
    return _page("Mail server", [], f"<p>Signed in as {escape(user)}</p><h2>Virtual domains</h2><ul>{items}</ul>")


def _page(title: str, errors: list[str], body: str) -> str:
    shown = "".join(f'<p class="error">{escape(error)}</p>' for error in errors)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Poste.io: {escape(title)}</title></head><body><h1>{escape(title)}</h1>{shown}\n{body}</body></html>"
    )
