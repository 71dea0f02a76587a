"""Fresh evidence that Poste works: who signs in, what a message goes through, whether it is signed.

Runs on the server, hence standard library only. "healthy" is no evidence: the image says so while the databases are
still being changed, and when nobody can sign in.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import administrator
import engine
import exclusive
import mail_queue
import proof_mail
from container import execute
from dkim_keys import bare
from poste_http import Poste, reason
from proof_mail import NotYetError, ProofMail, RefusedError
from signers import CHECK

DEADLINE = 300  # seconds for all of it
SURE = 60  # seconds after which a no to all that fails is taken for the last word
NAP = 3  # seconds between two looks
SLACK = 50  # messages more in the queue than before
"""A letter to all of a club's members that comes meanwhile may wait for longer than the evidence takes, at servers that
put it off. That nothing is delivered at all shows sooner, by the message to oneself.
"""

Key = Mapping[str, str]
"""A DKIM key: `selector` and `public_key` (base64)."""


@dataclass
class Evidence:
    """What is asked of a Poste that runs; `before` is what its forerunner did."""

    container: str
    data: Path
    url: str
    keys: Mapping[str, Key]
    """Those of before, by mail domain."""
    signed_before: bool
    """Whether a message to oneself was signed: not every version is known to do that."""
    queued_before: int | None
    """Messages in the queue, which the new one has, too; None where they could not be counted."""

    def gather(self) -> list[str]:
        """What is still wrong when all is well, when what fails will not mend, or after five minutes; each in words."""
        self._mail = ProofMail(*administrator.known())
        self._arrived = False
        deadline = time.monotonic() + DEADLINE
        sure_since: float | None = None
        while True:
            problems = [error for look in self._looks() if (error := _tried(look))]
            now = time.monotonic()
            if not all(isinstance(error, RefusedError) for error in problems):
                sure_since = None
            elif sure_since is None:
                sure_since = now
            if not problems or now > deadline or (sure_since is not None and now - sure_since > SURE):
                return [str(error) for error in problems]
            time.sleep(NAP)

    def _looks(self) -> tuple[Callable[[], None], ...]:
        return (
            self._runs, self._api, self._imap, proof_mail.greeting, self._loop, self._key_files, self._signers,
            self._queue,
        )  # fmt: skip

    def _runs(self) -> None:
        state = (engine.container(self.container) or {}).get("State", {})
        if not state.get("Running") or state.get("Restarting"):
            raise NotYetError(f"the container does not keep running (docker logs {self.container} says why)")

    def _api(self) -> None:
        address, password = administrator.known()
        answer = Poste(self.url, address, password).api("GET", "/domains")
        if answer.status != 200:
            kind = RefusedError if answer.status in (401, 403) else NotYetError
            raise kind(f"the API answers {answer.status} when {address} signs in{reason(answer)}")

    def _imap(self) -> None:
        self._mail.sign_in().shutdown()

    def _loop(self) -> None:
        if self._arrived:
            return
        signatures = self._mail.signatures()
        domain = self._mail.address.rpartition("@")[2]
        wanted = (domain, self.keys[domain]["selector"].lower()) if domain in self.keys else None
        if self.signed_before and wanted and wanted not in signatures:
            shown = " and ".join(f"for {domain} with selector {selector}" for domain, selector in signatures)
            raise RefusedError(
                f"a message arrives signed {shown}, not for {wanted[0]} with selector {wanted[1]}"
                if signatures
                else f"a message of {domain} arrives unsigned"
            )
        self._arrived = True

    def _key_files(self) -> None:
        for domain, key in self.keys.items():
            try:
                found = key_in(self.data / "domains" / domain)
            except OSError as error:
                raise RefusedError(f"the DKIM key of {domain} is gone: {error}") from error
            if found != key:
                raise RefusedError(f"the DKIM key of {domain} is another than before, and than the one in DNS")

    def _signers(self) -> None:
        blind = sorted(set(execute(self.container, CHECK, *self.keys).splitlines()))
        if blind:
            raise RefusedError(f"a signer does not find its DKIM key: {', '.join(blind)}")

    def _queue(self) -> None:
        waiting = queued(self.container)
        if waiting is not None and self.queued_before is not None and waiting > self.queued_before + SLACK:
            raise NotYetError(f"the queue grows: {waiting} messages wait to leave, and {self.queued_before} before")


def key_in(folder: Path) -> Key:
    """The DKIM key in a domain's folder. Raises OSError where there is none."""
    return {"selector": (folder / "selector").read_text().strip(), "public_key": bare((folder / "public").read_text())}


def queued(container: str) -> int | None:
    """How many messages wait to leave; None where that cannot be told, as while the container does not run."""
    try:
        return mail_queue.waiting(container).messages
    except exclusive.Ended:
        raise
    except SystemExit:
        return None


def signs_to_itself() -> bool:
    """Whether a message of the administrator's to himself arrives, and signed for his domain."""
    found = administrator.kept()
    if found is None:
        return False
    mail = ProofMail(*found)
    deadline = time.monotonic() + SURE
    while True:
        try:
            return any(domain == mail.address.rpartition("@")[2] for domain, _ in mail.signatures())
        except NotYetError as error:
            if isinstance(error, RefusedError) or time.monotonic() > deadline:
                return False
        time.sleep(NAP)


def _tried(look: Callable[[], Any]) -> Exception | None:
    """Why a look fails, or None. The scripts' other modules end the program with the reason."""
    try:
        look()
    except NotYetError as error:
        return error
    except exclusive.Ended:
        raise
    except SystemExit as error:
        return NotYetError(str(error.code))
    return None
