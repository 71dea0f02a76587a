"""What each of a zone's own name servers says, past every cache: a small DNS client (RFC 1035).

Runs on the server, hence standard library only. The zone and its servers are found by the system's resolvers.
"""

import ipaddress
import secrets
import socket
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

RESOLVERS = Path("/etc/resolv.conf")
PORT = 53
PATIENCE = 3  # seconds for one answer
TRIES = 2
A, NS, TXT, AAAA = 1, 2, 16, 28
TRUNCATED, FAILED = 0x0200, 0x000F
NO_SUCH_NAME = 3
HEADER = 12  # bytes


class SilentError(Exception):
    """No usable answer; the text says from whom."""


def texts(name: str) -> dict[str, list[str] | SilentError]:
    """The TXT records of a name, each joined, as the zone's name servers have them, by server and address.

    Raises SilentError where the servers are not found.
    """
    told: dict[str, list[str] | SilentError] = {}
    for server in _servers(name):
        addresses = _resolved(server, A) or _resolved(server, AAAA)
        for address in addresses:
            try:
                told[f"{server} ({address})"] = _ask(address, name, TXT)
            except SilentError as error:
                told[f"{server} ({address})"] = error
        if not addresses:
            told[server] = SilentError(f"{server} has no address")
    return told


def _servers(name: str) -> list[str]:
    """The name servers of the zone that holds a name: the closest name above it that has any."""
    labels = name.split(".")
    for start in range(len(labels) - 1):
        found = _resolved(".".join(labels[start:]), NS)
        if found:
            return sorted(found)
    raise SilentError(f"no name server of {name} is found")


def _resolved(name: str, kind: int) -> list[str]:
    """What the system's resolvers say."""
    problem = SilentError(f"{RESOLVERS} names no resolver")
    for line in RESOLVERS.read_text().splitlines():
        words = line.split()
        if words[:1] == ["nameserver"]:
            try:
                return _ask(words[1], name, kind, recursive=True)
            except SilentError as error:
                problem = error
    raise problem


def _ask(address: str, name: str, kind: int, *, recursive: bool = False) -> list[str]:
    """The records of a type, by UDP, and by TCP where they are too long for that. Raises SilentError."""
    number = secrets.randbits(16)
    question = b"".join(_label(label) for label in name.split(".")) + struct.pack(">BHH", 0, kind, 1)
    query = struct.pack(">6H", number, 0x0100 if recursive else 0, 1, 0, 0, 0) + question
    try:
        answer = _by_udp(address, query)
        if struct.unpack(">H", answer[2:4])[0] & TRUNCATED:
            answer = _by_tcp(address, query)
        flags, _, count = struct.unpack(">3H", answer[2:8])
        if flags & FAILED not in (0, NO_SUCH_NAME):
            raise SilentError(f"{address} answers with error {flags & FAILED}")
        return list(_records(answer, HEADER + len(question), count, kind))
    except (OSError, IndexError, ValueError, struct.error) as error:
        raise SilentError(f"{address} does not answer ({error or type(error).__name__})") from error


def _by_udp(address: str, query: bytes) -> bytes:
    """An answer to this query. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    last: OSError = TimeoutError("nothing")
    for _ in range(TRIES):
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.settimeout(PATIENCE)
            try:
                # Connected, so that nobody else's answer is taken.
                asked.connect((address, PORT))
                asked.send(query)
                answer = asked.recv(65535)
            except OSError as error:
                last = error
                continue
        if answer[:2] == query[:2] and answer[HEADER : len(query)] == query[HEADER:]:
            return answer
    raise last


def _by_tcp(address: str, query: bytes) -> bytes:
    """The same by TCP (RFC 7766)."""
    with socket.create_connection((address, PORT), timeout=PATIENCE) as asked, asked.makefile("rb") as stream:
        asked.sendall(struct.pack(">H", len(query)) + query)
        (length,) = struct.unpack(">H", stream.read(2))
        return stream.read(length)


def _records(answer: bytes, place: int, count: int, kind: int) -> Iterator[str]:
    for _ in range(count):
        place = _name(answer, place)[1]
        found, _, _, length = struct.unpack(">HHIH", answer[place : place + 10])
        place += 10
        if found == kind:
            yield _value(answer, place, length, kind)
        place += length


def _value(answer: bytes, place: int, length: int, kind: int) -> str:
    if kind == NS:
        return _name(answer, place)[0]
    data = answer[place : place + length]
    return str(ipaddress.ip_address(data)) if kind in (A, AAAA) else b"".join(_strings(data)).decode("latin-1")


def _strings(data: bytes) -> Iterator[bytes]:
    """The character-strings of a TXT record."""
    while data:
        yield data[1 : 1 + data[0]]
        data = data[1 + data[0] :]


def _name(answer: bytes, place: int) -> tuple[str, int]:
    """A name, which may go on elsewhere (RFC 1035, section 4.1.4), and the place behind it."""
    labels: list[str] = []
    behind = 0
    while length := answer[place]:
        if length >= 0xC0:
            behind = behind or place + 2
            before, place = place, struct.unpack(">H", answer[place : place + 2])[0] & 0x3FFF
            if place >= before:
                raise ValueError("a name that leads round in a circle")
            continue
        labels.append(answer[place + 1 : place + 1 + length].decode("latin-1").lower())
        place += 1 + length
    return ".".join(labels), behind or place + 1


def _label(label: str) -> bytes:
    text = label.encode("ascii")
    return bytes([len(text)]) + text


def wrong(name: str, text: str) -> Sequence[str]:
    """Which name servers do not serve just this one text; in words, none where all do."""
    try:
        told = texts(name)
    except SilentError as error:
        return [str(error)]
    return [
        f"{server} does not answer" if isinstance(found, SilentError) else f"{server} serves {len(found)} other records"
        for server, found in told.items()
        if found != [text]
    ]
