"""CAA records: who may issue a certificate for a name (RFC 8659), for which account and by which proof (RFC 8657)."""

import json
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.settings import AUTHORITIES, LETS_ENCRYPT
from operate.verify.https_page import PageUnreadableError, page
from operate.verify.names import Names
from operate.verify.remedies import REFRESH
from operate.verify.result import Finding, Status, fail, ok, unknown, warn

METHOD = "http-01"
"""The proof that Poste gives (RFC 8555, section 8.3)."""
PUBLISH = f"{REFRESH} publishes one that permits the stack's authority and account only."
KNOWN = ("issue", "issuewild", "iodef")
"""The tags that Let's Encrypt understands; a critical record with another one forbids everything."""
CRITICAL = 128 | 1
"""The critical bit, and the one that many take for it, Let's Encrypt therefore too."""


@dataclass(frozen=True)
class Authority:
    """Who is asked for the certificate."""

    directory: str
    """The address of its ACME directory."""
    account: str = ""
    """The URI of the stack's account there; empty where it is not known."""
    issuer: str = ""
    """What it is called in the CAA records that the stack publishes; empty where it publishes none."""

    @property
    def is_lets_encrypt(self) -> bool:
        """Whether it is Let's Encrypt, be it for trials."""
        return self.directory in AUTHORITIES.values()

    @property
    def accounts(self) -> str:
        """How the URIs of its accounts begin, as far as is known."""
        return self.directory.replace("/directory", "/acme/acct/") if self.is_lets_encrypt else ""


@dataclass(frozen=True)
class Issue:
    """The value of an issue record; without an issuer it permits nobody (RFC 8659, section 4.2)."""

    issuer: str
    parameters: Mapping[str, str]

    @property
    def account(self) -> str:
        """The only account that it permits; empty where it permits all."""
        return self.parameters.get("accounturi", "")

    def refusal(self, authority: Authority, identities: Sequence[str]) -> str:
        """Why it does not let the authority, by one of its names, issue by our method; empty if it does."""
        if self.issuer not in identities:
            return f"permits {self.issuer or 'nobody'}"
        methods = self.parameters.get("validationmethods")
        if methods is not None and METHOD not in methods.split(","):
            return f"permits {self.issuer} by {methods} only"
        if "accounturi" not in self.parameters:
            return ""
        if authority.account and self.account != authority.account:
            return f"permits {self.issuer} for the account {self.account} only, and this stack's is {authority.account}"
        if not self.account.startswith(authority.accounts):
            return f"permits {self.issuer} for the account {self.account} only, which is none of its own"
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


async def caa(names: Names, host: str, authority: Authority, tls: ssl.SSLContext) -> Finding:
    """The closest CAA record set, if there is one, lets the authority issue by our method.

    Where the stack publishes one for the host, that is the closest.
    """
    labels = host.split(".")
    for start in range(len(labels)):
        name = ".".join(labels[start:])
        # The issuer asks past every cache. The servers of a top-level domain hold no zone that a name is looked up in.
        ask = names.authoritative if "." in name else names.public
        records = (await ask(name, "CAA")).values
        if records:
            try:
                known_as = await identities(names, authority, tls)
            except PageUnreadableError as error:
                return unknown(f"{name} has CAA records, and what the authority is called there is not known: {error}")
            finding = judged(name, [_fields(record) for record in records], authority, known_as)
            if finding.status is Status.OK and authority.issuer and name != host:
                return warn(f"{finding.found}, but {host} has no record of its own", finding.expected, PUBLISH)
            return finding
    if authority.issuer:
        return warn("no CAA record, so everyone may issue", f"{authority.issuer} by {METHOD}", PUBLISH)
    return ok("no CAA record, so everyone may issue")


async def identities(names: Names, authority: Authority, tls: ssl.SSLContext) -> Sequence[str]:
    """What an authority is called in CAA records (RFC 8555, section 7.1.1). Raises PageUnreadableError."""
    if authority.is_lets_encrypt:
        return [LETS_ENCRYPT]
    text = (await page(names, authority.directory, tls)).text
    try:
        found = json.loads(text)["meta"]["caaIdentities"]
        return [str(identity).lower().rstrip(".") for identity in found]
    except (ValueError, LookupError, TypeError):
        if authority.issuer:
            return [authority.issuer]
        raise PageUnreadableError(f"{authority.directory} has no caaIdentities") from None


def judged(
    name: str, records: Sequence[tuple[int, str, str]], authority: Authority, known_as: Sequence[str]
) -> Finding:
    """What a record set (flags, tag, value) means for a certificate of a plain name, for which issuewild is nothing."""
    issuer = " or ".join(known_as)
    expected = f"none, or {issuer} by {METHOD}"
    strange = sorted({tag for flags, tag, _ in records if tag not in KNOWN and flags & CRITICAL})
    if strange:
        remedy = f"Take the record with {', '.join(strange)} out, or its critical flag."
        return fail(f"{name} has the critical tag {', '.join(strange)}, which {issuer} may not know", expected, remedy)
    issues = [parse(value) for _, tag, value in records if tag == "issue"]
    if not issues:
        return ok(f"{name} permits everyone", expected)
    refusals = {issue.refusal(authority, known_as) for issue in issues}
    if "" not in refusals:
        remedy = f'Add the CAA record 0 issue "{known_as[0]}" to the zone, at {name}.' if known_as else ""
        return fail(f"{name} {'; '.join(sorted(refusals))}", expected, remedy)
    accounts = [issue.account for issue in issues if not issue.refusal(authority, known_as)]
    if all(accounts) and not authority.account:
        remedy = (
            "Compare with the account that the server uses, which the stack's output certificateAccount says after a "
            "deploy; if it is another, the next renewal fails: add that one, or take accounturi out."
        )
        return warn(f"{name} permits {issuer} for {', '.join(accounts)} only", expected, remedy)
    return ok(f"{name} permits {issuer}", expected)


def _fields(record: str) -> tuple[int, str, str]:
    """Flags, tag and value of a record in presentation form."""
    flags, tag, value = record.split(" ", 2)
    return int(flags), tag.lower(), value.strip('"')
