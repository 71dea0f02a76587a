"""Cloudflare's API v4 for DNS, as far as clients that manage the records of existing zones use it.

    names.py        host names as the API stores them
    txt.py          TXT content: quoting and chunks
    problems.py     the API's errors: codes, texts, HTTP statuses
    records.py      one record: from a request's body to what is stored and shown
    dnssec.py       DNSSEC's states, and the keys as registrars want them
    content.py      each type's content and data
    zones.py        a zone with its records: conflicts, filters, pages
    account.py      all zones, and the changes to them
    api.py          the HTTP side under /client/v4
    control.py      the tests' own side under /_sandbox
    authority.py    what an authoritative name server must be told; zonefile.py, knot.py: how Knot DNS is told

Followed: https://developers.cloudflare.com/api/resources/dns/ and the answers quoted in public issue threads.
"""
