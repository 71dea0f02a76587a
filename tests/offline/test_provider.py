"""The other mail provider's records."""

import base64

from offline.sandbox.provider.publish import wanted_records


def test_providers_dkim_record_holds_the_whole_key_in_short_strings() -> None:
    key = base64.b64encode(b"k" * 294).decode()
    records = wanted_records(f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n")
    strings = next(rrset[0].strings for rrset in records if "_domainkey" in str(rrset.name))
    assert all(len(string) <= 255 for string in strings)
    assert b"".join(strings) == f"v=DKIM1; k=rsa; p={key}".encode()
