"""Whether the server delivers strangers' mail to the world: the forms of the public relay tests.

Recipients are named, no message is ever sent.
"""

from operate.verify.recipients import nobody
from operate.verify.result import Finding, fail, ok, unknown
from operate.verify.smtp_session import reply, session

STRANGER = "tester@example.org"
TARGET_LOCAL, TARGET_DOMAIN = "relay-test", "example.net"
"""Domains that RFC 2606 reserves: they belong to nobody whom a relayed mail could trouble."""


def forms(domain: str, host: str, address: str) -> list[tuple[str, str]]:
    """Senders and recipients by which a badly set up server is made to relay."""
    target = f"{TARGET_LOCAL}@{TARGET_DOMAIN}"
    literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
    return [
        (STRANGER, target),
        ("", target),
        (f"postmaster@{domain}", target),  # a forged sender of our own
        (f"postmaster@{literal}", target),
        (STRANGER, f"@{host}:{target}"),  # source route (RFC 5321, appendix C)
        (STRANGER, f"{TARGET_LOCAL}%{TARGET_DOMAIN}@{domain}"),  # the percent hack
        (STRANGER, f"{TARGET_LOCAL}%{TARGET_DOMAIN}@{literal}"),
        (STRANGER, f'"{target}"@{domain}'),
        (STRANGER, f"{TARGET_DOMAIN}!{TARGET_LOCAL}@{domain}"),  # UUCP
    ]


async def relay(address: str, port: int, domain: str, host: str) -> Finding:
    """No form makes the server take a foreign recipient."""
    expected = "every form refused"
    accepted, tried = [], 0
    async with session(address, port) as (client, _):
        await client.ehlo()

        async def takes(sender: str, recipient: str) -> bool:
            code, _ = await reply(client, f"MAIL FROM:<{sender}>")
            if code < 300:
                code, _ = await reply(client, f"RCPT TO:<{recipient}>")
            await client.rset()
            return code < 300

        # Where a domain takes every mailbox, its own forms say nothing.
        catch_all = await takes("", nobody(domain))
        for sender, recipient in forms(domain, host, address):
            if catch_all and recipient.endswith(f"@{domain}"):
                continue
            tried += 1
            if await takes(sender, recipient):
                accepted.append(f"from <{sender}> to <{recipient}>")
    if not tried:
        return unknown("nothing could be tried", expected)
    return fail(f"accepted {'; '.join(accepted)}", expected) if accepted else ok(f"{tried} forms refused", expected)
