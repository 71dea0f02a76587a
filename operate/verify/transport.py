"""What senders are told about encryption on the way to the mail host: MTA-STS, TLSA records, and where they report.

Beside what the stack publishes, an earlier server may have left behind what is no longer so.
"""

from collections.abc import Iterable
from functools import partial

from model.ports import SMTP
from model.records import tls_reports as reports_text
from model.records import tls_reports_name
from operate.verify.certificates import look
from operate.verify.container import report
from operate.verify.context import Context
from operate.verify.dane import next_key, tlsa, tlsa_name
from operate.verify.mta_sts import enforceable, fetch, former_policy, own_policy
from operate.verify.names import Names
from operate.verify.remedies import HOST, REFRESH
from operate.verify.result import Check, Finding, fail, ok
from operate.verify.runner import Job
from operate.verify.trust import trusting

MTA_STS = Check(
    "dns.mta-sts",
    "MTA-STS policy",
    "Senders that find a policy deliver to the hosts it names only, over trusted TLS, and remember it for its max_age "
    "(RFC 8461, sections 3 and 5).",
    f"Let the policy name {HOST}; or replace it by one with mode: none and change the id in the TXT record, and delete "
    "both records, _mta-sts and mta-sts, once the old policy's max_age is over (RFC 8461, section 8.3).",
    deadline=30,
)
TLSA = Check(
    "dns.tlsa",
    "TLSA record",
    "Senders that heed DANE deliver only where the record fits the certificate that port 25 presents (RFC 7672).",
    f"Delete what an earlier server left at _25._tcp.{HOST}. {REFRESH} publishes the stack's own, where DNSSEC "
    "validates.",
    deadline=30,
)
NEXT_KEY = Check(
    "dns.tlsa-next",
    "TLSA record of the next key",
    "Senders may have read the records long before the key changes, so the next key has to stand there all the time "
    "(RFC 7671, section 8.1).",
    f"{REFRESH} publishes both.",
    required=False,
    deadline=40,
)
TLS_REPORTS = Check(
    "dns.tls-reports",
    "TLS report addresses",
    "Whoever gets these reports learns who sends mail to the domain, and what fails; with several records nobody gets "
    "any (RFC 8460, section 3).",
    f"Delete the TXT records at _smtp._tls that are not the stack's. {REFRESH} restores that one.",
    required=False,
)
CHECKS = (MTA_STS, TLSA, NEXT_KEY, TLS_REPORTS)


def jobs(context: Context) -> Iterable[Job]:
    """The checks of the mail host's port 25, and of each domain."""
    names, stack = context.names, context.stack
    settings, host = stack.settings, stack.mail_host
    own = settings.acme_directory is not None
    at_port_25 = look(context, SMTP)
    yield Job(TLSA, tlsa_name(host), partial(tlsa, names, host, at_port_25, own=own))
    if own:
        yield Job(NEXT_KEY, tlsa_name(host), partial(next_key, names, host, report(context)))
    enforced = False
    # While a domain's mail still goes to its former provider, that provider's records are right.
    for domain in [domain.name for domain in context.selected if stack.receives(domain.name)]:
        mode = settings.mta_sts_mode(stack.mail_domain(domain))
        policy = partial(fetch, names, domain, trusting(stack.own.authorities))
        if mode:
            yield Job(MTA_STS, domain, partial(own_policy, names, domain, mode, settings.certificate_names, policy))
        else:
            yield Job(MTA_STS, domain, partial(former_policy, names, domain, host, policy))
        enforced = enforced or mode == "enforce"
        expected = reports_text(settings.tls_report_addresses)
        yield Job(TLS_REPORTS, domain, partial(tls_reports, names, domain, expected))
    if enforced:
        yield Job(MTA_STS, f"port {SMTP.number}", partial(enforceable, settings.certificate_names, at_port_25))


async def tls_reports(names: Names, domain: str, expected: str) -> Finding:
    """There is one record, and it is the stack's (RFC 8460, section 3)."""
    texts = (await names.authoritative(tls_reports_name(domain), "TXT")).values
    records = [text for text in texts if text.lower().startswith("v=tlsrptv1")]
    if records == [expected]:
        return ok(expected, expected)
    return fail(" | ".join(records) or "no record", expected)
