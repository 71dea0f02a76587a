"""Keep the other provider's DNS records in the zone other.example, by dynamic update (RFC 2136).

The DKIM key is made anew at each start, and the name server may be started later or anew as well; so the records are
compared with what the authoritative server says, again and again, and written when they differ.
"""

import base64
import contextlib
import sys
import time
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

SERVER = "198.51.100.53"
ZONE = dns.name.from_text("other.example.")
HOST = "mx.other.example."
TTL = 60
"""Seconds; short, so that a resolver does not keep an old key for long."""
KEY = dns.tsig.Key("sandbox-ptr", "c2FuZGJveC1wdHItdHNpZy1rZXktMDEyMzQ1Njc4OWE=", dns.tsig.HMAC_SHA256)
"""The sandbox's key for updates of its own zones; it is no secret."""
TIMEOUT = 3.0
"""Seconds for one exchange with the name server."""
RETRY_INTERVAL = 1.0
CHECK_INTERVAL = 10.0


class UpdateRefusedError(Exception):
    """The name server answered the update with an error."""


def wanted_records(public_pem: str) -> list[dns.rrset.RRset]:
    """Return what a mail provider has in DNS: host, MX, SPF, DMARC and DKIM."""
    key = base64.b64encode(base64.b64decode("".join(public_pem.strip().splitlines()[1:-1]))).decode()
    dkim = f"v=DKIM1; k=rsa; p={key}"
    return [
        dns.rrset.from_text(name, TTL, "IN", kind, content)
        for name, kind, content in (
            (HOST, "A", "198.51.100.80"),
            (HOST, "AAAA", "2001:db8:100::80"),
            ("other.example.", "MX", f"10 {HOST}"),
            ("other.example.", "TXT", '"v=spf1 mx -all"'),
            ("_dmarc.other.example.", "TXT", '"v=DMARC1; p=reject"'),
            ("sandbox._domainkey.other.example.", "TXT", f'"{dkim[:255]}" "{dkim[255:]}"'),
        )
    ]


def missing_records(wanted: list[dns.rrset.RRset]) -> list[dns.rrset.RRset]:
    """Return those the authoritative server does not serve just so."""
    return [rrset for rrset in wanted if _served(rrset) != rrset]


def write_records(rrsets: list[dns.rrset.RRset]) -> None:
    """Put the records in the place of what is there; raises UpdateRefusedError."""
    update = dns.update.UpdateMessage(ZONE, keyring=KEY)
    for rrset in rrsets:
        update.replace(rrset.name, rrset)
    answer = dns.query.tcp(update, SERVER, timeout=TIMEOUT)
    if answer.rcode() != dns.rcode.NOERROR:
        raise UpdateRefusedError(dns.rcode.to_text(answer.rcode()))


def main() -> None:
    """Compare and write for ever; a name server that is away is waited for."""
    wanted = wanted_records(Path("/run/provider/dkim.public").read_text())
    while True:
        interval = RETRY_INTERVAL
        try:
            missing = missing_records(wanted)
            if missing:
                write_records(missing)
                print(f"published {len(missing)} records", flush=True)
            else:
                interval = CHECK_INTERVAL
        except (UpdateRefusedError, dns.exception.DNSException, OSError, EOFError) as failure:
            print(f"name server {SERVER}: {failure!r}", file=sys.stderr, flush=True)
        time.sleep(interval)


def _served(wanted: dns.rrset.RRset) -> dns.rrset.RRset | None:
    query = dns.message.make_query(wanted.name, wanted.rdtype)
    answer = dns.query.tcp(query, SERVER, timeout=TIMEOUT)
    with contextlib.suppress(KeyError):
        return answer.find_rrset(answer.answer, wanted.name, dns.rdataclass.IN, wanted.rdtype)
    return None


if __name__ == "__main__":
    main()
