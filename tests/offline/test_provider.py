"""The other mail provider's DKIM key."""

import base64

from offline.sandbox.provider.publish import wanted_record


def test_the_providers_dkim_record_holds_the_whole_key_in_short_strings() -> None:
    key = base64.b64encode(b"k" * 294).decode()
    record = wanted_record(f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n")
    strings = record[0].strings
    assert all(len(string) <= 255 for string in strings)
    assert b"".join(strings) == f"v=DKIM1; k=rsa; p={key}".encode()
