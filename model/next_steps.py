"""What a person still has to do after the deploy, because no API can."""

from model.client_settings import web_addresses
from model.ports import HTTP
from model.settings import Settings


def next_steps(settings: Settings, ipv4: str) -> list[str]:
    """Steps in the order in which they help."""
    unblock = f"Ask Hetzner to unblock outbound ports 25 and 465 for {ipv4} (console: Limits; after the first invoice)"
    steps = [f"{unblock}. Until then mail arrives, but none leaves."]
    if settings.https:
        steps.append(
            f"Request the TLS certificate: {web_addresses(settings)['admin']}settings/#certificate, Let's Encrypt, "
            f"{settings.mail_host}.{_challenge(settings)}"
        )
    return [*steps, "Keep a backup of the stack's secrets: without sshPrivateKey nobody can log in to the server."]


def _challenge(settings: Settings) -> str:
    """What else Let's Encrypt needs, which always calls port 80 (RFC 8555, section 8.3), and from anywhere."""
    if settings.reverse_proxy_cidrs:
        return " The reverse proxy must pass /.well-known/acme-challenge/ of that name on, from anybody."
    if settings.http_port != HTTP.number:
        return f" It calls port {HTTP.number}, which must be led to {settings.http_port}, or set httpPort back for it."
    return ""
