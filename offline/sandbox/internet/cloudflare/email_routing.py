"""The records that Cloudflare's Email Routing makes in a zone and locks: its MX, its SPF policy and its DKIM key.

https://developers.cloudflare.com/email-routing/setup/email-routing-dns-records/
"""

from __future__ import annotations

from offline.sandbox.internet.cloudflare.problems import Json

KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsandboxsandboxsandboxsandboxIDAQAB"
"""Has the form of a key and is none."""

RECORDS: tuple[Json, ...] = (
    {"type": "MX", "name": "@", "content": "route1.mx.cloudflare.net", "priority": 12},
    {"type": "MX", "name": "@", "content": "route2.mx.cloudflare.net", "priority": 49},
    {"type": "MX", "name": "@", "content": "route3.mx.cloudflare.net", "priority": 83},
    {"type": "TXT", "name": "@", "content": '"v=spf1 include:_spf.mx.cloudflare.net ~all"'},
    {"type": "TXT", "name": "cf2024-1._domainkey", "content": f'"v=DKIM1; h=sha256; k=rsa; p={KEY}"'},
)
