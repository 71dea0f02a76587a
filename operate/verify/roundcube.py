"""Roundcube as a person uses it: sign in, look for a message and open it, write one, sign out."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager

from operate.verify.web_session import Page, WebSession, WebSessionError

INBOX = {"_task": "mail", "_mbox": "INBOX"}


class RoundcubeError(Exception):
    """Roundcube does not do what a person wants of it; the text says what."""


class SignInError(RoundcubeError):
    """Roundcube does not let the person in."""


class Roundcube:
    """One person's visit to Roundcube. Every method raises WebSessionError where the site itself fails."""

    def __init__(self, site: WebSession, token: str) -> None:
        self._site = site
        self._token = token
        """Stands in Roundcube's pages; what changes something is taken only with it."""

    @classmethod
    @contextmanager
    def signed_in(cls, site: WebSession, address: str, password: str) -> Iterator["Roundcube"]:
        """A visit, from the form that strangers see to signing out.

        Raises SignInError, and RoundcubeError where the mailbox can still be read in the end.
        """
        form = _page(site.get({"_task": "login"})).fields
        if not _asks_for_password(form):
            raise RoundcubeError("there is no form to sign in")
        page = site.post({"_task": "login"}, form | {"_user": address, "_pass": password})
        if page.status == 401 or _asks_for_password(page.fields):
            raise SignInError("the sign-in is refused")
        token = re.search(r'"request_token":"([^"]+)"', _page(page).text)
        if not token:
            raise RoundcubeError("no mailbox is shown after the sign-in")
        try:
            yield cls(site, token[1])
        finally:
            site.get({"_task": "logout", "_token": token[1]})
            left = site.get({"_task": "mail"})
            if not _asks_for_password(left.fields) and _page(left):
                raise RoundcubeError("the mailbox can still be read after signing out")

    def read(self, subject: str) -> str:
        """The page that shows the message with this subject, as text; raises RoundcubeError if it is not listed."""
        search = {**INBOX, "_action": "search", "_q": subject, "_headers": "subject", "_scope": "base", "_remote": "1"}
        found = _page(self._site.get(search, {"X-Roundcube-Request": self._token})).text
        row = re.search(r"add_message_row\((\d+)", found)
        if not row:
            raise RoundcubeError("a message that is in the inbox is not listed")
        return html.unescape(_page(self._site.get({**INBOX, "_action": "show", "_uid": row[1]})).text)

    def send(self, recipient: str, subject: str, text: str) -> None:
        """Write a message and send it; raises RoundcubeError with what Roundcube says. No copy of it is kept."""
        form = _page(self._site.get({"_task": "mail", "_action": "compose"})).fields
        if not form.get("_id"):
            raise RoundcubeError("there is no form to write a message")
        letter = {"_to": recipient, "_subject": subject, "_message": text, "_is_html": "0", "_store_target": ""}
        form |= {**letter, "_task": "mail", "_action": "send", "_framed": "1", "_token": self._token}
        answer = _page(self._site.post({"_task": "mail", "_framed": "1"}, form)).text
        if "sent_successfully(" not in answer:
            said = re.search(r'display_message\("((?:[^"\\]|\\.)*)"', answer)
            raise RoundcubeError(f"a message is not sent: {said[1] if said else 'Roundcube does not say why'}")


def _asks_for_password(form: dict[str, str]) -> bool:
    return "_pass" in form


def _page(page: Page) -> Page:
    if page.status != 200:
        raise WebSessionError(f"the webmail answers {page.status}")
    return page
