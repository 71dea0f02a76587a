"""`cloudflare:index/workersCustomDomain:WorkersCustomDomain`. Whatever changes replaces it: there is no update."""

from offline.toolchain.plugins.cloudflare.api import Api, Json
from offline.toolchain.plugins.cloudflare.convert import from_json, to_json
from offline.toolchain.plugins.cloudflare.schemas import WORKERS_CUSTOM_DOMAIN as SCHEMA
from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values

FIELDS = ("hostname", "service", "environment", "zoneId", "zoneName")
"""Inputs that are sent as they are."""


class WorkersCustomDomains:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        account = operation.inputs["accountId"]
        body = to_json({name: operation.inputs.get(name) for name in FIELDS})
        domain = api.request("PUT", _domains(account), body)["result"]
        return domain["id"], _state(domain, account)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        account, _, id_ = operation.id.rpartition("/")
        account = account or operation.state.get("accountId", "")
        if not account:
            raise ProviderError(f"invalid ID: expected <account_id>/<domain_id>, got {operation.id}")
        domain = api.find(f"{_domains(account)}/{id_}")
        return None if domain is None else (domain["id"], _state(domain, account))

    def update(self, _api: Api, operation: Operation) -> Values:
        raise ProviderError(f"custom domain {operation.name} can only be replaced")

    def delete(self, api: Api, operation: Operation) -> None:
        """Raises ApiError for a domain that is gone already, as the real plugin: a refresh tells it so."""
        api.request("DELETE", f"{_domains(operation.state['accountId'])}/{operation.id}")


def _domains(account: str) -> str:
    return f"/accounts/{account}/workers/domains"


def _state(domain: Json, account: str) -> Values:
    return from_json(SCHEMA.outputs, domain) | {"accountId": account}


WORKERS_CUSTOM_DOMAIN = ResourceType(
    token="cloudflare:index/workersCustomDomain:WorkersCustomDomain",  # noqa: S106  (a type token)
    schema=SCHEMA,
    operations=WorkersCustomDomains(),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    replace_on=frozenset(SCHEMA.inputs),
    computed=frozenset({"environment", "zoneId", "zoneName"}),
)
