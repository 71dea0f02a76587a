"""Hosts with an address and without mail: others learn at once that they take none (RFC 7505) and send none."""

from model.lasting_records import SENDS_NOT
from model.spf import is_policy
from operate.verify.mx import NULL, hosts
from operate.verify.names import Names
from operate.verify.result import Finding, fail, ok

EXPECTED = f"a null MX, and {SENDS_NOT}"


async def no_mail(names: Names, host: str) -> Finding:
    """The host's only MX is the null MX, and its only SPF policy permits nobody."""
    receiving = hosts(await names.authoritative(host, "MX"))
    policies = [text for text in (await names.authoritative(host, "TXT")).values if is_policy(text)]
    wrong = [
        *([f"MX {', '.join(receiving) or 'missing'}"] if receiving != [NULL] else []),
        *([f"SPF {' | '.join(policies) or 'missing'}"] if policies != [SENDS_NOT] else []),
    ]
    return fail("; ".join(wrong), EXPECTED) if wrong else ok(EXPECTED, EXPECTED)
