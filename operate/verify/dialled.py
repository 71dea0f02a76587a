"""The standard library's mail clients, dialling an address while the certificate is checked for a name.

So the checks reach the stack's own server, whatever the local resolver says of its name.
"""

import imaplib
import poplib
import smtplib
import socket
import ssl


class ImapByName(imaplib.IMAP4_SSL):
    """IMAP over TLS on port 993."""

    def __init__(self, dial: str, host: str, tls: ssl.SSLContext, timeout: float) -> None:
        self._dial, self._name, self._tls = dial, host, tls
        super().__init__(host, 993, ssl_context=tls, timeout=timeout)

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        return self._tls.wrap_socket(socket.create_connection((self._dial, 993), timeout), server_hostname=self._name)


class Pop3ByName(poplib.POP3_SSL):
    """POP3 over TLS on port 995."""

    def __init__(self, dial: str, host: str, tls: ssl.SSLContext, timeout: float) -> None:
        self._dial, self._name, self._tls = dial, host, tls
        super().__init__(host, 995, context=tls, timeout=timeout)

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        return self._tls.wrap_socket(socket.create_connection((self._dial, 995), timeout), server_hostname=self._name)


class SmtpByName(smtplib.SMTP):
    """SMTP whose STARTTLS checks the name."""

    def __init__(self, dial: str, host: str, port: int, timeout: float) -> None:
        self._dial = dial
        super().__init__(host, port, timeout=timeout)

    def _get_socket(self, _host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((self._dial, port), timeout)


class SmtpsByName(smtplib.SMTP):
    """SMTP over TLS from the start."""

    def __init__(self, dial: str, host: str, port: int, tls: ssl.SSLContext, timeout: float) -> None:
        self._dial, self._tls = dial, tls
        super().__init__(host, port, timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        return self._tls.wrap_socket(socket.create_connection((self._dial, port), timeout), server_hostname=host)
