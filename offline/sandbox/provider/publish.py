"""Keep the other provider's DKIM key in its zone, by dynamic update (RFC 2136).

The key is made anew at each start, and the name server may be started later or anew as well; so the record is compared
with what the authoritative server says, again and again, and written when it differs. The provider's other records
stand in the zone from the beginning.
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
import dns.rrset
import dns.tsig
import dns.update

from offline.sandbox.world import AUTHORITATIVE, OTHER_DOMAIN, UPDATE_KEY

SERVER = AUTHORITATIVE.ipv4
ZONE = dns.name.from_text(OTHER_DOMAIN)
RECORD = f"sandbox._domainkey.{OTHER_DOMAIN}."
TTL = 60
"""Seconds; short, so that a resolver does not keep an old key for long."""
KEY = dns.tsig.Key(*UPDATE_KEY, dns.tsig.HMAC_SHA256)
TIMEOUT = 3.0
"""Seconds for one exchange with the name server."""
RETRY_INTERVAL = 1.0
CHECK_INTERVAL = 10.0


class UpdateRefusedError(Exception):
    """The name server answered the update with an error."""


def wanted_record(public_pem: str) -> dns.rrset.RRset:
    """The DKIM record of a public key (RFC 6376, section 3.6.1)."""
    key = base64.b64encode(base64.b64decode("".join(public_pem.strip().splitlines()[1:-1]))).decode()
    text = f"v=DKIM1; k=rsa; p={key}"
    return dns.rrset.from_text(RECORD, TTL, "IN", "TXT", f'"{text[:255]}" "{text[255:]}"')


def is_served(wanted: dns.rrset.RRset) -> bool:
    """Whether the authoritative server serves it just so."""
    query = dns.message.make_query(wanted.name, wanted.rdtype)
    answer = dns.query.tcp(query, SERVER, timeout=TIMEOUT)
    with contextlib.suppress(KeyError):
        return bool(answer.find_rrset(answer.answer, wanted.name, dns.rdataclass.IN, wanted.rdtype) == wanted)
    return False


def write(record: dns.rrset.RRset) -> None:
    """Put the record in the place of what is there; raises UpdateRefusedError."""
    update = dns.update.UpdateMessage(ZONE, keyring=KEY)
    update.replace(record.name, record)
    answer = dns.query.tcp(update, SERVER, timeout=TIMEOUT)
    if answer.rcode() != dns.rcode.NOERROR:
        raise UpdateRefusedError(dns.rcode.to_text(answer.rcode()))


def main() -> None:
    """Compare and write for ever; a name server that is away is waited for."""
    wanted = wanted_record(Path("/run/provider/dkim.public").read_text())
    while True:
        interval = RETRY_INTERVAL
        try:
            if is_served(wanted):
                interval = CHECK_INTERVAL
            else:
                write(wanted)
                print("published the DKIM key", flush=True)
        except (UpdateRefusedError, dns.exception.DNSException, OSError, EOFError) as failure:
            print(f"name server {SERVER}: {failure!r}", file=sys.stderr, flush=True)
        time.sleep(interval)


if __name__ == "__main__":
    main()
