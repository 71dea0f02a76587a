"""The sandbox's world: its addresses and names, and what is known of it to everybody.

Nothing of it is a secret or leads out of this machine. Configuration files of the parts (name server, resolver, mail
servers, the stack `dev`) have to say the same.
"""

PROVIDER_ADDRESSES = ("198.51.100.80", "2001:db8:100::80")
"""The other mail provider's host."""
OTHER_HOST = "mx.other.example"
OTHER_MAILBOX = "user@other.example"
OTHER_PASSWORD = "sandbox-Provider-1"  # noqa: S105 - published
