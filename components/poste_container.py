"""How the Poste container is set up: its environment and, in bridge mode, its published ports."""

from collections.abc import Sequence

import pulumi_docker as docker

from components.ports import HTTP, HTTPS, Port
from components.settings import Settings

CLEAN_START = """\
rm -f /run/dovecot/master.pid /run/rsyslogd.pid /data/log/s6/*/lock
find /run -type s -delete
exec /init
"""
"""What the container runs: Poste's own /init, after removing what the services of an earlier run left behind.

When Docker starts the same container again, after a reboot say, stale pid files and sockets make Dovecot and syslog
think that they run already, and no mailbox can be read.
"""


def environment(settings: Settings) -> list[str]:
    """The switches of the guide, as NAME=value, only where they differ from what Poste does anyway."""
    switches = {
        "TZ": settings.time_zone,
        "HTTPS": None if settings.https else "OFF",
        "HTTP_PORT": settings.http_port if settings.http_port != HTTP.number else None,
        "HTTPS_PORT": settings.https_port if settings.https_port != HTTPS.number else None,
        "DISABLE_CLAMAV": "TRUE" if settings.disable_clamav else None,
        "DISABLE_RSPAMD": "TRUE" if settings.disable_rspamd else None,
        "DISABLE_ROUNDCUBE": "TRUE" if settings.disable_roundcube else None,
        "ELASTICSEARCH": settings.elasticsearch,
    }
    return sorted(f"{name}={value}" for name, value in switches.items() if value is not None)


def published(ports: Sequence[Port]) -> list[docker.ContainerPortArgsDict]:
    """The ports that bridge mode publishes, on IPv4 only; the same number inside and outside, as in the guide.

    Docker's default bridge has no IPv6: connections that arrive on IPv6 would reach Poste from the gateway's address,
    which it takes for a trusted neighbour, and so make it an open relay.
    """
    return [
        {"internal": port.number, "external": port.number, "ip": "0.0.0.0", "protocol": "tcp"}  # noqa: S104
        for port in ports
    ]


def loopback_url(settings: Settings) -> str:
    """Where the server itself reaches Poste's web interface."""
    if settings.https:
        return f"https://127.0.0.1:{settings.https_port}"
    return f"http://127.0.0.1:{settings.http_port}"
