"""How the Poste container is set up: its name, its environment, and what it runs."""

from collections.abc import Sequence
from typing import Any

from model.ports import HTTP, HTTPS
from model.settings import Settings

CONTAINER = "poste"
"""The container's name."""

SERVED_CHALLENGES = "/opt/www/.well-known/acme-challenge"
"""The folder that Poste's web server hands out at /.well-known/acme-challenge/, on port 80 too. What lies beside it is
Poste's own, such as what clients set themselves up with.
"""

LINK_SIGNERS = """\
for signer in haraka-smtp haraka-submission; do
  folder=/opt/$signer/config/dkim
  [ ! -d "/opt/$signer" ] || for key in /data/domains/*/private; do
    domain=$(basename "$(dirname "$key")")
    if [ -e "$key" ] && [ ! -e "$folder/$domain/private" ]; then
      mkdir -p "$folder"
      ln -sfn "/data/domains/$domain" "$folder/$domain"
      echo "$folder/$domain"
    fi
  done
done
"""
"""Lets Poste's signers find the domains' DKIM keys below their own folders, which a new container has lost.

Prints each link that it had to make.
"""

SIGNING_KEYS = "cksum /data/domains/*/public 2>/dev/null"
"""Prints a line for each domain's DKIM key, another one for another key."""
KEYS_KNOWN = "/run/signing-keys"
"""Where the container notes the keys that were there when its signers were started: they keep a key once they have
read it.
"""


def signers_input(domains: Sequence[str]) -> dict[str, Any]:
    """What remote/signers.py is told, for the signers to find the keys of these domains."""
    return {
        "container": CONTAINER,
        "domains": domains,
        "link": LINK_SIGNERS,
        "keys": SIGNING_KEYS,
        "known": KEYS_KNOWN,
    }


START = f"""\
trap 'exit 143' TERM INT
ready() {{ [ -e /data/.installed ] || [ -e /data/.installing ] || [ -s /data/server.ini ]; }}
ready || echo "/data is empty. Waiting for the installer's step, or anyone could claim this server."
until ready; do sleep 1; done
rm -f /run/dovecot/master.pid /run/rsyslogd.pid /data/log/s6/*/lock
find /run -type s -delete
name=$(hostname)
if [ -s /data/server.ini ]; then
  sed -i "s/^\\(server_hostname *= *\\"\\{{0,1\\}}\\)[A-Za-z0-9.-]*/\\1$name/" /data/server.ini
fi
{LINK_SIGNERS}
{SIGNING_KEYS} >{KEYS_KNOWN}
exec /init
"""
"""What the container runs: Poste's own /init, after four things.

It waits while /data is empty and nobody has allowed that (remote/install.py does): Poste would offer its installer to
the world. It removes what the services of an earlier run left behind: when Docker starts the same container again,
after a reboot say, stale pid files and sockets make Dovecot and syslog think that they run already, and no mailbox can
be read. It lets Poste's own name follow the container's, which is the mail host. It links the signers to their keys, so
that no mail leaves unsigned.
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


def services_off(settings: Settings) -> list[str]:
    """Poste's own services, by their names at its supervisor, that the switches turn off."""
    switches = {"clamd": settings.disable_clamav, "rspamd": settings.disable_rspamd}
    return [name for name, off in switches.items() if off]


def loopback_url(settings: Settings) -> str:
    """Where the server itself reaches Poste's web interface."""
    if settings.https:
        return f"https://127.0.0.1:{settings.https_port}"
    return f"http://127.0.0.1:{settings.http_port}"
