"""What a stranger sees of the certificates on a stack's ports."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model.ports import TABLE, Port
from offline.sandbox.host.deliveries import AUTHORITIES
from operate.verify.certificates import presented
from operate.verify.conversation import ConversationError
from tests.support.clouds import eventually

SECURE = tuple(port for port in TABLE if port.security != "none")
"""The nine ports that speak TLS."""
BACK = 60
"""Seconds until a port that was restarted just now answers again."""
IMAPS = tuple(port for port in SECURE if port.service == "imaps")


@dataclass(frozen=True)
class Served:
    """One certificate, by digests of it and of its public key."""

    certificate: str
    key: str


def served(address: str, host: str, ports: Sequence[Port] = SECURE) -> Mapping[int, Served]:
    """What each port presents."""

    async def look(port: Port) -> Served:
        found = (await presented(address, port, host, AUTHORITIES)).certificate
        key = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return Served(*(hashlib.sha256(text).hexdigest() for text in (found.public_bytes(Encoding.DER), key)))

    async def all_of_them() -> list[Served]:
        return await asyncio.gather(*map(look, ports))

    return {port.number: found for port, found in zip(ports, asyncio.run(all_of_them()), strict=True)}


def the_one(address: str, host: str, only: Sequence[Port] = SECURE) -> Served:
    """The certificate that all these ports present. Raises AssertionError if they disagree or one stays away."""
    found = eventually(lambda: _answered(address, host, only), BACK)
    assert len(set(found.values())) == 1, found
    return next(iter(found.values()))


def _answered(address: str, host: str, ports: Sequence[Port]) -> Mapping[int, Served]:
    """What each port presents. Raises AssertionError where one does not answer."""
    try:
        return served(address, host, ports)
    except (OSError, ConversationError) as error:
        raise AssertionError(f"a port does not answer: {error}") from error
