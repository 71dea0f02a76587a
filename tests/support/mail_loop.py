"""A small Poste of submission and IMAP alone: what is submitted lies in the inbox at once, signed or not."""

import base64
import contextlib
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class MailLoop:
    """Whom it knows, how it signs, and what lies in the administrator's folders."""

    tls: ssl.SSLContext
    password: str
    signature: str = ""
    """Header that a submitted message gets."""
    loses: bool = False
    """Whether a submitted message never arrives."""
    arrives_in: str = "INBOX"
    folders: dict[str, dict[int, bytes]] = field(default_factory=lambda: {"INBOX": {}, "Junk": {}})
    """Messages by UID."""
    marked: set[int] = field(default_factory=set)
    taken: int = 0

    def take(self, message: bytes) -> None:
        self.taken += 1
        if not self.loses:
            self.folders[self.arrives_in][self.taken] = self.signature.encode() + message

    @contextlib.contextmanager
    def serving(self) -> Iterator[dict[str, int]]:
        """The ports of both, for as long as the block lasts."""
        with contextlib.ExitStack() as stack:
            ports = {}
            for name, kind in (("submission", _Submission), ("imaps", _Imap)):
                server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), type(name, (kind,), {"loop": self}))
                server.daemon_threads = True
                stack.enter_context(server)
                thread = threading.Thread(target=server.serve_forever, args=(0.02,))
                thread.start()
                stack.callback(thread.join)
                stack.callback(server.shutdown)
                ports[name] = server.server_address[1]
            yield ports


class _Lines(socketserver.StreamRequestHandler):
    loop: MailLoop

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.greet()
            while (line := self.rfile.readline().decode().strip()) and self.reply(line):
                pass

    def greet(self) -> None:
        raise NotImplementedError

    def reply(self, line: str) -> bool:
        raise NotImplementedError

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        self.wfile.flush()

    def secure(self) -> None:
        self.rfile.close()
        self.request = self.connection = self.loop.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()


class _Submission(_Lines):
    def greet(self) -> None:
        self.say("220 mail.example.com ESMTP")

    def reply(self, line: str) -> bool:
        verb = line.split(maxsplit=1)[0].upper()
        is_secure = isinstance(self.connection, ssl.SSLSocket)
        if verb == "EHLO":
            self.say("250-mail.example.com", "250 AUTH PLAIN" if is_secure else "250 STARTTLS")
        elif verb == "STARTTLS":
            self.say("220 Go ahead")
            self.secure()
        elif verb == "AUTH":
            known = base64.b64decode(line.split()[2]).decode().rpartition("\0")[2] == self.loop.password
            self.say("235 Welcome" if known and is_secure else "535 Incorrect authentication data")
        elif verb == "DATA":
            self.say("354 Go on")
            lines = list(iter(self.rfile.readline, b".\r\n"))
            self.loop.take(b"".join(lines))
            self.say("250 Queued")
        else:
            self.say("221 Bye" if verb == "QUIT" else "250 Ok")
        return verb != "QUIT"


class _Imap(_Lines):
    folder = ""

    def greet(self) -> None:
        self.secure()
        self.say("* OK ready")

    def reply(self, line: str) -> bool:
        tag, verb, *words = line.split()
        lines: list[str] = []
        said = "OK done"
        if verb == "CAPABILITY":
            lines = ["* CAPABILITY IMAP4rev1 UIDPLUS"]
        elif verb == "LOGIN":
            said = (
                "OK in"
                if words[1].strip('"') == self.loop.password
                else "NO [AUTHENTICATIONFAILED] Authentication failed."
            )
        elif verb == "SELECT":
            self.folder = words[0]
            said = "OK in" if self.folder in self.loop.folders else "NO no such folder"
        elif verb == "UID":
            lines = self._uid(*words)
        self.say(*lines, f"{tag} {said}")
        return verb != "LOGOUT"

    def _uid(self, what: str, *words: str) -> list[str]:
        messages = self.loop.folders[self.folder]
        if what == "SEARCH":
            header = words[1].encode()
            found = [uid for uid, text in messages.items() if re.search(rb"(?mi)^" + header + b":", text)]
            return [f"* SEARCH {' '.join(map(str, found))}"]
        uid = int(words[0])
        if what == "FETCH":
            text = messages[uid].partition(b"\r\n\r\n")[0].decode() + "\r\n\r\n"
            return [f"* 1 FETCH (UID {uid} BODY[HEADER] {{{len(text)}}}", f"{text})"]
        if what == "STORE":
            self.loop.marked.add(uid)
        elif uid in self.loop.marked:
            del messages[uid]
        return []
