"""What a person still has to do after the deploy, because no API can."""


def next_steps(ipv4: str) -> list[str]:
    """Steps in the order in which they help."""
    unblock = f"Ask Hetzner to unblock outbound ports 25 and 465 for {ipv4} (console: Limits; after the first invoice)"
    return [
        f"{unblock}. Until then mail arrives, but none leaves.",
        "Keep a backup of the stack's secrets: without sshPrivateKey nobody can log in to the server.",
    ]
