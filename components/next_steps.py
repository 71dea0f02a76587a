"""What a person still has to do after the deploy, because no API can."""


def next_steps(mail_host: str, ipv4: str, https: bool) -> list[str]:
    """Steps in the order in which they help."""
    unblock = f"Ask Hetzner to unblock outbound ports 25 and 465 for {ipv4} (console: Limits; after the first invoice)"
    steps = [f"{unblock}. Until then mail arrives, but none leaves."]
    if https:
        steps.append(
            f"Request the TLS certificate: https://{mail_host}/admin/settings/#certificate, Let's Encrypt, {mail_host}."
        )
    return [*steps, "Keep a backup of the stack's secrets: without sshPrivateKey nobody can log in to the server."]
