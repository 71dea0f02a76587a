"""Password hashes that Dovecot can read: the scheme SSHA512, base64(SHA-512(password + salt) + salt)."""

import base64
import hashlib
import hmac
import secrets

_PREFIX = "{SSHA512}"
_DIGEST_BYTES = 64


def hash_password(password: str) -> str:
    """Return the salted hash with its scheme in front, as stored in ``users.db``."""
    return _encode(password, secrets.token_bytes(16))


def verify_password(password: str, stored: str) -> bool:
    """Tell whether ``password`` is the one that ``stored`` was made from."""
    # The newest version of the stand-in leaves the scheme out (see migrations).
    known = stored.removeprefix(_PREFIX)
    salt = base64.b64decode(known)[_DIGEST_BYTES:]
    return hmac.compare_digest(_encode(password, salt).removeprefix(_PREFIX), known)


def _encode(password: str, salt: bytes) -> str:
    digest = hashlib.sha512(password.encode() + salt).digest()
    return _PREFIX + base64.b64encode(digest + salt).decode()
