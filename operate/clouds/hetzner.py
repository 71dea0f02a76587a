"""Hetzner Cloud's official client, which also checks the token."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from hcloud import APIException, Client

from operate.errors import CloudError

CLOUD, HETZNER = "https://api.hetzner.cloud/v1", "https://api.hetzner.com/v1"
"""The public APIs: of servers and what belongs to them, and of Storage Boxes."""


@contextmanager
def connected(token: str, endpoint: str | None, storage: str | None = None) -> Iterator[Client]:
    """The official client. What Hetzner refuses inside the block is told as CloudError.

    `endpoint` and `storage` are other APIs than the public ones, of servers and of Storage Boxes. Whoever has the first
    elsewhere does not mean the public one by leaving out the second.
    """
    try:
        yield Client(
            token,
            endpoint or CLOUD,
            api_endpoint_hetzner=storage or endpoint or HETZNER,
            application_name="poste-mail",
            timeout=(10.0, 60.0),
        )
    except APIException as error:
        if error.code in ("unauthorized", "forbidden", "token_readonly"):
            right = "an API token with read and write access, made in the project under Security, API tokens"
            raise CloudError(f"Hetzner refuses the token ({error.message}). Expected {right}") from None
        raise CloudError(f"Hetzner: {error.message}") from None
    except requests.RequestException as error:
        raise CloudError(f"Hetzner's API cannot be reached: {error}") from None
