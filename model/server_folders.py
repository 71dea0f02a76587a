"""Where things lie on the server. All of it is on the volume, so that a new server finds it again."""

VOLUME = "/mnt/poste"
"""Where the volume is mounted on the server."""

DATA = f"{VOLUME}/data"
"""Poste's data: a folder that is there only while the volume is mounted."""

CHALLENGES = f"{VOLUME}/webroot/.well-known/acme-challenge"
"""What the certificate's authority looks for (RFC 8555, section 8.3); Poste's web server hands it out."""

CERTIFICATES = f"{VOLUME}/certificates"
"""The accounts at authorities, their certificates, and how the last try to renew went."""

ACCOUNTS = f"{VOLUME}/accounts"
"""Which mailboxes and aliases were carried out, so that those are known that leave the settings."""

DKIM_KEYS = f"{VOLUME}/dkim"
"""The DKIM keys that take turns with the one that Poste signs with: the next and the former of each domain."""

RELAY = f"{VOLUME}/relay"
"""By what the route to the relay is known as ours, once mail leaves through one; in a backup with the route itself."""

STACK = f"{VOLUME}/stack"
"""The stack's own files, so that the backup has them."""

BACKUP = f"{VOLUME}/backup"
"""How the last backup and the last drill went."""

WATCH = f"{VOLUME}/watch"
"""What the watch has seen last, and over the last months."""

ADMINISTRATOR = "/opt/poste-mail/administrator.json"
"""Address and password of Poste's administrator as the scripts use them; without that no password could be changed."""

BACKED_UP = (DATA, CERTIFICATES, ACCOUNTS, DKIM_KEYS, RELAY, STACK, ADMINISTRATOR)
"""What a backup holds."""
