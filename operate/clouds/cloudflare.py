"""The zone at Cloudflare and what stands in it, asked with read-only calls of the official client."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloudflare import APIConnectionError, APIStatusError, Cloudflare, PermissionDeniedError

from model.existing_records import Record
from operate.errors import CloudError

EDIT = "#dns_records:edit"
"""The permission that the program needs on the zone; permissions are told where the token may see them."""


@dataclass(frozen=True)
class Zone:
    """A zone and its records."""

    id: str
    name: str
    is_active: bool
    """Whether the domain's registrar delegates to Cloudflare yet."""
    name_servers: Sequence[str]
    records: Sequence[Record]
    account: str
    """The identifier of the account that has it."""


def served_hosts(account: str, token: str, base_url: str | None) -> Mapping[str, str] | None:
    """The hosts that lead to Workers of an account, each with its Worker; None where the token may not use Workers.

    Raises CloudError.
    """
    try:
        with Cloudflare(api_token=token, base_url=base_url, timeout=60.0) as client:
            return {
                str(found.hostname): str(found.service) for found in client.workers.domains.list(account_id=account)
            }
    except PermissionDeniedError:
        return None
    except APIConnectionError as error:
        raise CloudError(f"Cloudflare's API cannot be reached: {error}") from None
    except APIStatusError as error:
        raise CloudError(f"Cloudflare: {_message(error)}") from None


def find_zone(domain: str, token: str, base_url: str | None) -> Zone:
    """The zone that holds a domain: of its own name, or of the closest name above it. Raises CloudError."""
    labels = domain.split(".")
    names = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    try:
        with Cloudflare(api_token=token, base_url=base_url, timeout=60.0) as client:
            return _find(client, domain, names)
    except APIConnectionError as error:
        raise CloudError(f"Cloudflare's API cannot be reached: {error}") from None
    except APIStatusError as error:
        refused = isinstance(error, PermissionDeniedError) or error.status_code in (400, 401)
        raise CloudError(
            f"Cloudflare refuses the token ({_message(error)}). {_right(domain)}"
            if refused
            else f"Cloudflare: {_message(error)}"
        ) from None


def _find(client: Cloudflare, domain: str, names: Sequence[str]) -> Zone:
    for name in names:
        for zone in client.zones.list(name=name):
            if zone.permissions and EDIT not in zone.permissions:
                raise CloudError(f"The Cloudflare token may not edit DNS records of zone {name}. {_right(domain)}")
            records = [Record.of(found) for found in client.dns.records.list(zone_id=zone.id)]
            account = str(zone.account.id)
            return Zone(zone.id, name, zone.status == "active", list(zone.name_servers), records, account)
    raise CloudError(
        f"Cloudflare shows this token no zone for {domain} (looked for: {', '.join(names)}). "
        f"Add the domain in Cloudflare's dashboard first, or give the token that zone. {_right(domain)}"
    )


def _right(domain: str) -> str:
    return f"Expected an API token with the permissions Zone: Read and DNS: Edit for the zone of {domain}."


def _message(error: APIStatusError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    messages = [str(item.get("message")) for item in body.get("errors") or () if isinstance(item, dict)]
    return "; ".join(messages) or f"status {error.status_code}"
