"""The client settings as people enter them, program by program."""

from collections.abc import Sequence

from model.client_account import Account, Way


def words(security: str, program: str) -> str:
    """What a program calls the way a connection is encrypted."""
    names = {
        "Outlook": {"TLS": "SSL/TLS", "STARTTLS": "STARTTLS"},
        "Thunderbird": {"TLS": "SSL/TLS", "STARTTLS": "STARTTLS"},
        "Apple Mail": {"TLS": "Use TLS/SSL: on", "STARTTLS": "Use TLS/SSL: on"},
        "Android": {"TLS": "SSL/TLS", "STARTTLS": "STARTTLS"},
        "iOS": {"TLS": "Use SSL: on", "STARTTLS": "Use SSL: on"},
    }
    return names[program][security]


PATHS = {
    "Outlook": "File, Add Account, Advanced options, 'Let me set up my account manually', IMAP",
    "Thunderbird": "Menu, New Account, Email, Configure manually; authentication: Normal password",
    "Apple Mail": "Mail, Add Account, Other Mail Account; account type IMAP",
    "Android": "Settings, Accounts, Add account, Personal (IMAP), Manual setup",
    "iOS": "Settings, Apps, Mail, Mail Accounts, Add Account, Other, Add Mail Account; IMAP",
}
"""Where the settings are entered, by program."""


def guide(account: Account) -> Sequence[str]:
    """The settings of one mailbox, for every program."""
    lines = [account.address, "=" * len(account.address)]
    lines.append(f"User name: {account.address} (the whole address), for receiving and for sending")
    lines.append("Password:  the mailbox's own")
    for program, path in PATHS.items():
        lines += ["", f"{program}: {path}"]
        lines.append(f"  receiving  {_line(account.receiving, program)}")
        lines.append(f"  sending    {_line(account.sending, program)}, with authentication")
    others = [f"{way.protocol.upper()} {way.port} {way.security}" for way in account.others]
    return [*lines, "", f"Also open: {', '.join(others) or 'nothing'}", ""]


def _line(way: Way, program: str) -> str:
    return f"{way.protocol.upper()} {way.server}  port {way.port}  {words(way.security, program)}"
