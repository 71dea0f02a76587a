"""What a person still has to do after the deploy, because no API can."""

from collections.abc import Iterable

from model.zone_signing import ACTIVE, SignedZone

BLOCKED = (
    "Hetzner blocks the outbound ports 25 and 465 until an account has had them unblocked: mail will arrive, but none "
    "will leave. Ask for that after a month and the first paid invoice (console: Limits), or have mail leave through a "
    "relay, which takes it on another port (setting relay, docs/relay.md). If you have asked before, all is well."
)
"""What a newcomer has to know before the first deploy."""


def next_steps(ipv4: str, signed: Iterable[SignedZone] = (), *, relayed: bool = False) -> list[str]:
    """Steps in the order in which they help; `relayed` where all mail leaves through a relay."""
    when = "after a month and the first paid invoice"
    unblock = f"Ask Hetzner to unblock outbound ports 25 and 465 for {ipv4} (console: Limits; {when})"
    pending = [zone.name for zone in signed if zone.wanted and zone.status != ACTIVE]
    return [
        *([] if relayed else [f"{unblock}, or set relay (docs/relay.md). Until then mail arrives, but none leaves."]),
        "Keep a backup of the stack's secrets: without sshPrivateKey nobody can log in to the server.",
        *(
            f"Give the registrar of {name} the DS record that the output dnssec tells. When the parent zone has it, "
            "which can take a day, deploy again: the keys of the mail host are then published, too."
            for name in pending
        ),
    ]
