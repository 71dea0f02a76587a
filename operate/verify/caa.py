"""CAA records: who may issue a certificate for a name (RFC 8659), for which account and by which proof (RFC 8657)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from operate.verify.names import Names
from operate.verify.result import Finding, fail, ok, warn

ISSUER = "letsencrypt.org"
ACCOUNTS = "https://acme-v02.api.letsencrypt.org/acme/acct/"
"""How Let's Encrypt names its accounts."""
METHOD = "http-01"
"""The proof that Poste gives (RFC 8555, section 8.3)."""
KNOWN = ("issue", "issuewild", "iodef")
"""The tags that Let's Encrypt understands; a critical record with another one forbids everything."""
CRITICAL = 128 | 1
"""The critical bit, and the one that many take for it, Let's Encrypt therefore too."""
EXPECTED = f"none, or {ISSUER} by {METHOD}"


@dataclass(frozen=True)
class Issue:
    """The value of an issue record; without an issuer it permits nobody (RFC 8659, section 4.2)."""

    issuer: str
    parameters: Mapping[str, str]

    @property
    def refusal(self) -> str:
        """Why it does not let Let's Encrypt issue by our method; empty if it does."""
        if self.issuer != ISSUER:
            return f"permits {self.issuer or 'nobody'}"
        methods = self.parameters.get("validationmethods")
        if methods is not None and METHOD not in methods.split(","):
            return f"permits {ISSUER} by {methods} only"
        account = self.parameters.get("accounturi")
        if account is not None and not account.startswith(ACCOUNTS):
            return f"permits {ISSUER} for the account {account} only, which is none of its own"
        return ""


def parse(value: str) -> Issue:
    """The value of an issue record; one that is malformed permits nobody."""
    issuer, *parts = (part.strip() for part in value.split(";"))
    pairs = [part.partition("=") for part in parts if part]
    parameters = {tag.strip().lower(): text.strip() for tag, _, text in pairs}
    # A parameter that stands twice cannot be satisfied (RFC 8657, section 3).
    if len(parameters) < len(pairs) or not all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in parameters):
        return Issue("", {})
    return Issue(issuer.lower().rstrip("."), parameters)


async def caa(names: Names, host: str) -> Finding:
    """The closest CAA record set, if there is one, lets the issuer prove itself by our method."""
    labels = host.split(".")
    for start in range(len(labels)):
        name = ".".join(labels[start:])
        # The issuer asks past every cache. The servers of a top-level domain hold no zone that a name is looked up in.
        ask = names.authoritative if "." in name else names.public
        records = (await ask(name, "CAA")).values
        if records:
            return judged(name, [_fields(record) for record in records])
    return ok("no CAA record, so everyone may issue", EXPECTED)


def judged(name: str, records: Sequence[tuple[int, str, str]]) -> Finding:
    """What a record set (flags, tag, value) means for a certificate of a plain name, for which issuewild is nothing."""
    strange = sorted({tag for flags, tag, _ in records if tag not in KNOWN and flags & CRITICAL})
    if strange:
        return fail(f"{name} has the critical tag {', '.join(strange)}, which {ISSUER} does not know", EXPECTED)
    issues = [parse(value) for _, tag, value in records if tag == "issue"]
    if not issues:
        return ok(f"{name} permits everyone", EXPECTED)
    fitting = [issue for issue in issues if not issue.refusal]
    if not fitting:
        return fail(f"{name} {'; '.join(sorted({issue.refusal for issue in issues}))}", EXPECTED)
    accounts = [issue.parameters.get("accounturi", "") for issue in fitting]
    if all(accounts):
        remedy = (
            "Compare with the account that Poste uses; if it is another, the next renewal fails: add Poste's, or take "
            "accounturi out."
        )
        return warn(f"{name} permits {ISSUER} for {', '.join(accounts)} only", EXPECTED, remedy)
    return ok(f"{name} permits {ISSUER}", EXPECTED)


def _fields(record: str) -> tuple[int, str, str]:
    """Flags, tag and value of a record in presentation form."""
    flags, tag, value = record.split(" ", 2)
    return int(flags), tag.lower(), value.strip('"')
