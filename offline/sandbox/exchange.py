"""Prove that the mail server works: one mail out, one mail in, each looked at where it arrives.

``python -m offline.sandbox.exchange --stack dev`` reads the stack, sends a mail from its administrator to
user@other.example and one back. Exit status 0 says: both arrived, and the other provider found SPF, DKIM and DMARC
right. The mails are deleted again.
"""

import argparse
import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from offline.sandbox.provider.mailbox import Mailbox, MailboxError, patiently, wait_for
from operate.verify.authentication import METHODS, authentication_results

PROVIDER = Mailbox("user@other.example", "sandbox-Provider-1", "mx.other.example")
DEADLINE = 60.0
"""Seconds that one mail may take."""


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``good`` is None where nothing is demanded."""

    what: str
    found: str
    good: bool | None = None


def read_stack(stack: str) -> Mailbox:
    """Return the administrator's mailbox: host and address from the stack's outputs, the password from its secrets.

    Raises MailboxError.
    """
    try:
        outputs: dict[str, Any] = json.loads(_pulumi("stack", "output", "--json", "--stack", stack))
        password = _pulumi("config", "get", "adminPassword", "--stack", stack).removesuffix("\n")
        return Mailbox(outputs["adminAddress"], password, outputs["mailHost"])
    except FileNotFoundError as missing:
        raise MailboxError("pulumi is not on PATH") from missing
    except subprocess.CalledProcessError as failure:
        raise MailboxError(f"the stack {stack} cannot be read: {failure.stderr.strip()}") from failure
    except KeyError as missing:
        raise MailboxError(f"stack {stack} has no output {missing}; has it been set up?") from missing


def outgoing(ours: Mailbox) -> list[Finding]:
    """Send from our server to the other provider."""
    message = _exchange(ours, PROVIDER)
    results = authentication_results(message, [ours.host], [PROVIDER.host])
    checks = [Finding(method, results.get(method, "missing"), results.get(method) == "pass") for method in METHODS]
    return [Finding("arrived at the provider", PROVIDER.address, good=True), *checks, *_hop(message)]


def incoming(ours: Mailbox) -> list[Finding]:
    """Send from the other provider to our server."""
    message = _exchange(PROVIDER, ours)
    results = authentication_results(message, [PROVIDER.host], [ours.host])
    notes = [Finding(f"our server on {method}", results[method]) for method in METHODS if method in results]
    return [Finding("arrived at our server", ours.address, good=True), *notes, *_hop(message)]


def report(title: str, findings: list[Finding]) -> bool:
    """Print one direction's findings as a table; returns whether all is well."""
    print(title)
    for finding in findings:
        mark = {True: "ok", False: "BAD", None: "-"}[finding.good]
        print(f"  {mark:<4}{finding.what:<26}{finding.found}")
    return all(finding.good is not False for finding in findings)


def hop_facts(received: Sequence[str]) -> tuple[str, str] | None:
    """Return client and protocol of the SMTP hop between the two servers, from the ``Received`` fields, newest first.

    The delivery into the mailbox (LMTP) is the same server's business and passed over.
    """
    for line in received:
        found = re.search(r"from\s+(.*?)\s+by\s.*?\bwith\s+(E?SMTPS?A?)\b", " ".join(line.split()), re.IGNORECASE)
        if found:
            return re.sub(r"\s*\(using [^()]*\)?.*", "", found[1]), found[2].upper()
    return None


def main() -> int:
    """Do both directions and report; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m offline.sandbox.exchange", description=__doc__.splitlines()[0])
    parser.add_argument("--stack", default="dev")
    stack = parser.parse_args().stack
    try:
        ours = read_stack(stack)
    except MailboxError as failure:
        print(failure, file=sys.stderr)
        return 1
    good = True
    for title, direction in (
        (f"{ours.address} -> {PROVIDER.address}", outgoing),
        (f"{PROVIDER.address} -> {ours.address}", incoming),
    ):
        try:
            findings = direction(ours)
        except MailboxError as failure:
            findings = [Finding("failed", str(failure), good=False)]
        good &= report(title, findings)
    print("Mail goes out authenticated and comes in." if good else "The exchange failed, see BAD above.")
    return 0 if good else 1


def _pulumi(*arguments: str) -> str:
    return subprocess.run(["pulumi", *arguments], capture_output=True, check=True, text=True).stdout


def _exchange(sender: Mailbox, recipient: Mailbox) -> EmailMessage:
    token = f"exchange-{secrets.token_hex(8)}"
    message = EmailMessage()
    message["From"] = sender.address
    message["To"] = recipient.address
    message["Subject"] = token
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.address.split("@")[1])
    message.set_content("A test mail of the sandbox; it is deleted as soon as it has been seen.\n")
    deadline = time.monotonic() + DEADLINE
    patiently(lambda: sender.send(message), deadline)
    return wait_for(recipient, sender, token, deadline)


def _hop(message: EmailMessage) -> list[Finding]:
    facts = hop_facts(message.get_all("Received", []))
    if facts is None:
        return [Finding("received", "no Received field of an SMTP hop")]
    client, protocol = facts
    encrypted = "with TLS" if protocol.startswith("ESMTPS") else "WITHOUT TLS"
    return [Finding("received from", client), Finding("over", f"{protocol}, {encrypted}")]


if __name__ == "__main__":
    sys.exit(main())
