"""The other mail provider's DKIM key, and which domains it sends to by DANE."""

import asyncio
import base64
import socketserver
import threading
from collections.abc import Iterator
from functools import partial

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from offline.sandbox.provider.dane import policy, serve
from offline.sandbox.provider.publish import wanted_record

TLSA = f"3 1 1 {'ab' * 32}"
ZONE: dict[tuple[str, str], tuple[list[str], bool] | None] = {
    ("dane.test.", "MX"): (["10 mx1.dane.test.", "20 mx2.dane.test."], True),
    ("_25._tcp.mx2.dane.test.", "TLSA"): ([TLSA], True),
    ("plain.test.", "MX"): (["10 mx1.plain.test."], True),
    ("unsigned.test.", "MX"): (["10 mx2.dane.test."], False),
    ("half.test.", "MX"): (["10 mx.half.test."], True),
    ("_25._tcp.mx.half.test.", "TLSA"): ([TLSA], False),
    ("_25._tcp.host.test.", "TLSA"): ([TLSA], True),
    ("forged.test.", "MX"): None,
    ("lost.test.", "MX"): (["10 mx.lost.test."], True),
    ("_25._tcp.mx.lost.test.", "TLSA"): None,
}
"""By name and type: the records, and whether a validating resolver vouches for them; None: it answers SERVFAIL."""


class Answers(socketserver.BaseRequestHandler):
    """A validating resolver that knows the zone."""

    def handle(self) -> None:
        packet, socket = self.request
        query = dns.message.from_wire(packet)
        question = query.question[0]
        answer = dns.message.make_response(query)
        found = ZONE.get((str(question.name), question.rdtype.name), ([], True))
        if found is None:
            answer.set_rcode(dns.rcode.SERVFAIL)
        else:
            records, vouched = found
            answer.flags |= dns.flags.AD if vouched else 0
            if records:
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", question.rdtype.name, *records))
        socket.sendto(answer.to_wire(), self.client_address)


@pytest.fixture(scope="module")
def resolver() -> Iterator[dns.asyncresolver.Resolver]:
    """One that asks a real server over the wire."""
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], server.server_address[1]
        made.lifetime = 60
        yield made
        server.shutdown()
        thread.join()


def test_the_providers_dkim_record_holds_the_whole_key_in_short_strings() -> None:
    key = base64.b64encode(b"k" * 294).decode()
    record = wanted_record(f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n")
    strings = record[0].strings
    assert all(len(string) <= 255 for string in strings)
    assert b"".join(strings) == f"v=DKIM1; k=rsa; p={key}".encode()


@pytest.mark.parametrize(
    ("domain", "expected", "why"),
    [
        ("dane.test", "OK dane", "one of its servers has a TLSA record"),
        ("host.test", "OK dane", "without MX records the name itself is the server (RFC 5321, section 5.1)"),
        ("plain.test", "NOTFOUND ", "no server has one"),
        ("unsigned.test", "NOTFOUND ", "nobody vouches for the MX record, so TLSA records are not even looked at"),
        ("half.test", "NOTFOUND ", "nobody vouches for the TLSA record"),
        ("lost.test", "OK dane", "whether there is a TLSA record cannot be told, and Postfix is to hold the mail back"),
        ("forged.test", "TEMP ", "the MX records cannot be told"),
        (".dane.test", "NOTFOUND ", "Postfix asks for the parents, too"),
        ("[mx2.dane.test]", "NOTFOUND ", "is a host, and no domain"),
    ],
)
def test_dane_comes_before_mta_sts_where_the_servers_have_tlsa_records(
    resolver: dns.asyncresolver.Resolver, domain: str, expected: str, why: str
) -> None:
    found = asyncio.run(policy(resolver, domain))
    assert found.startswith(expected) if expected == "TEMP " else found == expected, why


def test_postfix_is_answered_in_netstrings_as_often_as_it_asks(resolver: dns.asyncresolver.Resolver) -> None:
    """socketmap_table(5)."""

    async def talk() -> bytes:
        server = await asyncio.start_server(partial(serve, resolver), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"14:dane dane.test,15:dane plain.test,")
            answers = await reader.readexactly(len(b"7:OK dane,9:NOTFOUND ,"))
            writer.close()
        return answers

    assert asyncio.run(talk()) == b"7:OK dane,9:NOTFOUND ,"
