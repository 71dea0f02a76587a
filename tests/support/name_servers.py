"""Name servers on loopback, each at an address of its own, that answer by UDP and TCP as real ones do."""

import contextlib
import errno
import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = dict[tuple[str, str], list[str]]
"""By name and type, in presentation form."""
PORTS = 20
"""How many are tried: somebody else may have one at one of the addresses."""


@dataclass
class NameServer:
    """What one server has, and what it was asked."""

    records: Records = field(default_factory=dict)
    silent: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, type, and udp or tcp."""

    def answer(self, query: bytes, way: str) -> bytes | None:
        asked = dns.message.from_wire(query)
        name, kind = asked.question[0].name, dns.rdatatype.to_text(asked.question[0].rdtype)
        self.asked.append((name.to_text(omit_final_dot=True), kind, way))
        if self.silent:
            return None
        response = dns.message.make_response(asked)
        texts = self.records.get((name.to_text(omit_final_dot=True), kind))
        if texts:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *texts))
        elif not any(known == name.to_text(omit_final_dot=True) for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        wire = response.to_wire(max_size=65535)
        if way == "udp" and len(wire) > 512:
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        return wire


class _Udp(socketserver.BaseRequestHandler):
    server_of: NameServer

    def handle(self) -> None:
        query, channel = self.request
        if answer := self.server_of.answer(query, "udp"):
            channel.sendto(answer, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    server_of: NameServer

    def handle(self) -> None:
        (length,) = struct.unpack(">H", self.rfile.read(2))
        if answer := self.server_of.answer(self.rfile.read(length), "tcp"):
            self.wfile.write(struct.pack(">H", len(answer)) + answer)


_Served = socketserver.ThreadingTCPServer | socketserver.ThreadingUDPServer


def patience(servers: Mapping[str, NameServer]) -> str:
    """Code before a script: who is silent is given up soon, and who is there never, however busy this machine is."""
    silent = [address for address, server in servers.items() if server.silent]
    return f"""
import name_servers
asked = name_servers._ask
def ask(address, *words, **more):
    name_servers.PATIENCE = 0.3 if address in {silent} else 20
    return asked(address, *words, **more)
name_servers._ask = ask
"""


@contextlib.contextmanager
def serving_names(servers: Mapping[str, NameServer]) -> Iterator[int]:
    """The port of all of them, by address, for as long as the block lasts."""
    with _bound(servers) as bound, contextlib.ExitStack() as stack:
        for served in bound:
            thread = threading.Thread(target=served.serve_forever, args=(0.02,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(served.shutdown)
        yield bound[0].server_address[1]


@contextlib.contextmanager
def _bound(servers: Mapping[str, NameServer]) -> Iterator[list[_Served]]:
    """For each address a server by TCP and one by UDP, all on one port."""
    with contextlib.ExitStack() as stack:
        for left in reversed(range(PORTS)):
            try:
                bound = _bind(servers, stack)
                break
            except OSError as error:
                stack.close()
                if error.errno != errno.EADDRINUSE or not left:
                    raise
        yield bound


def _bind(servers: Mapping[str, NameServer], stack: contextlib.ExitStack) -> list[_Served]:
    bound: list[_Served] = []
    for address, server in servers.items():
        at = (address, bound[0].server_address[1] if bound else 0)
        tcp = socketserver.ThreadingTCPServer(at, type("Tcp", (_Tcp,), {"server_of": server}))
        bound.append(stack.enter_context(tcp))
        at = (address, tcp.server_address[1])
        udp = socketserver.ThreadingUDPServer(at, type("Udp", (_Udp,), {"server_of": server}))
        bound.append(stack.enter_context(udp))
        tcp.daemon_threads = udp.daemon_threads = True
    return bound
