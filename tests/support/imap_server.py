"""An IMAP server (RFC 9051) with some folders in memory, as much of one as reading and deleting messages takes."""

import base64
import contextlib
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from email import message_from_bytes


@dataclass
class Stored:
    """A message in a folder."""

    raw: bytes
    came: date
    flags: set[str] = field(default_factory=set)


@dataclass
class ImapServer:
    """Whom it knows, and what it holds."""

    tls: ssl.SSLContext
    passwords: dict[str, str]
    folders: dict[str, dict[int, Stored]] = field(default_factory=lambda: {"INBOX": {}})
    """Messages by UID."""
    capabilities: str = "IMAP4rev1 AUTH=PLAIN UIDPLUS"
    validity: int = 7
    missing: str = "no such folder"
    """What it says of one."""
    asked: list[str] = field(default_factory=list)
    """The commands of all clients."""

    def put(self, raw: bytes, folder: str = "INBOX", came: date = date(2024, 3, 1)) -> int:
        """Have a message arrive; its UID."""
        held = self.folders.setdefault(folder, {})
        uid = max(held, default=0) + 3
        held[uid] = Stored(raw, came)
        return uid

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """Its port, for as long as the block lasts."""
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Session", (_Session,), {"imap": self})) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()
                thread.join()


class _Session(socketserver.StreamRequestHandler):
    imap: ImapServer
    folder = ""
    writable = False

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.rfile.close()
            self.connection = self.request = self.imap.tls.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
            self._say(b"* OK ready")
            while (line := self.rfile.readline().decode().strip()) and self._reply(line):
                pass

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def _say(self, *lines: bytes) -> None:
        self.wfile.write(b"".join(line + b"\r\n" for line in lines))
        self.wfile.flush()

    def _reply(self, line: str) -> bool:
        tag, verb, *words = line.split(" ")
        self.imap.asked.append(line.removeprefix(f"{tag} "))
        lines: list[bytes] = []
        end = "OK done"
        if verb == "CAPABILITY":
            lines = [f"* CAPABILITY {self.imap.capabilities}".encode()]
        elif verb == "AUTHENTICATE":
            self._say(b"+ ")
            _, user, password = base64.b64decode(self.rfile.readline()).decode().split("\0")
            if self.imap.passwords.get(user) != password:
                end = "NO [AUTHENTICATIONFAILED] Authentication failed."
        elif verb in ("SELECT", "EXAMINE"):
            name = " ".join(words).strip('"')
            self.folder, self.writable = name, verb == "SELECT"
            known = name in self.imap.folders
            lines = [f"* OK [UIDVALIDITY {self.imap.validity}] valid".encode()] if known else []
            end = f"OK [READ-{'WRITE' if self.writable else 'ONLY'}] open" if known else f"NO {self.imap.missing}"
        elif verb == "LIST":
            lines = [b'* LIST (\\HasNoChildren) "." "%b"' % name.encode() for name in self.imap.folders]
        elif verb == "UID":
            lines = list(self._uid(*words))
        self._say(*lines, f"{tag} {end}".encode())
        return verb != "LOGOUT"

    def _uid(self, verb: str, *words: str) -> Iterator[bytes]:
        held = self.imap.folders[self.folder]
        if verb == "SEARCH":
            since = datetime.strptime(words[1], "%d-%b-%Y").date()
            found = [str(uid) for uid, message in held.items() if message.came >= since]
            yield f"* SEARCH {' '.join(found)}".rstrip().encode()
            return
        chosen = [int(uid) for uid in words[0].split(",") if int(uid) in held]
        for uid in chosen:
            if verb == "FETCH":
                yield self._fetched(uid, held[uid], " ".join(words[1:]))
            elif verb == "STORE" and self.writable:
                held[uid].flags.add(r"\Deleted")
            elif verb == "EXPUNGE" and self.writable and r"\Deleted" in held[uid].flags:
                del held[uid]

    def _fetched(self, uid: int, message: Stored, items: str) -> bytes:
        if "PEEK" not in items and self.writable:
            message.flags.add(r"\Seen")
        if "BODYSTRUCTURE" not in items:
            return b"* 1 FETCH (UID %d BODY[] {%d}\r\n%b)" % (uid, len(message.raw), message.raw)
        parsed = message_from_bytes(message.raw)
        # A file's name with a quotation mark comes as a literal, as Dovecot has it.
        parts = b" ".join(_structure(part.get_content_type(), part.get_filename()) for part in parsed.walk())
        subject = b"Subject: " + re.sub(r"\s+", " ", parsed.get("Subject", "")).encode() + b"\r\n\r\n"
        head = b"* 1 FETCH (UID %d RFC822.SIZE %d BODYSTRUCTURE (%b) " % (uid, len(message.raw), parts)
        return head + b"BODY[HEADER.FIELDS (SUBJECT)] {%d}\r\n%b)" % (len(subject), subject)


def _structure(media_type: str, name: str | None) -> bytes:
    kind, _, subtype = media_type.upper().partition("/")
    named = b"NIL" if name is None else b'("NAME" {%d}\r\n%b)' % (len(name), name.encode())
    return b'("%b" "%b" %b NIL NIL "BASE64" 100)' % (kind.encode(), subtype.encode(), named)
