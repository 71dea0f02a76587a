"""`cloudflare:index/dnsRecord:DnsRecord`."""

from collections.abc import Iterator

from offline.toolchain.plugins.cloudflare.api import Api, Json
from offline.toolchain.plugins.cloudflare.convert import from_json, to_json
from offline.toolchain.plugins.cloudflare.schemas import DNS_RECORD as SCHEMA
from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.values import UNKNOWN, Unknown

TYPES = frozenset(
    {"A", "AAAA", "CAA", "CERT", "CNAME", "DNSKEY", "DS", "HTTPS", "LOC", "MX", "NAPTR", "NS", "OPENPGPKEY", "PTR"}
    | {"SMIMEA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI"}
)

FIELDS = ("name", "type", "ttl", "proxied", "comment", "content", "priority", "data")
"""Inputs that are sent as they are."""

KEPT = ("name", "type", "ttl", "comment", "content", "priority", "data", "privateRouting", "includeShadowMetadata")
"""Inputs that stay in the state as the program wrote them until the next refresh."""

SETTINGS = ("ipv4Only", "ipv6Only", "flattenCname")


class DnsRecords:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        _check_ttl(inputs)
        record = api.request("POST", _records(inputs["zoneId"]), _body(inputs))["result"]
        return record["id"], _applied(record, inputs)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        zone, _, id_ = operation.id.rpartition("/")
        zone = zone or operation.state.get("zoneId", "")
        if not zone:
            raise ProviderError(f"invalid ID: expected <zone_id>/<dns_record_id>, got {operation.id}")
        record = api.find(f"{_records(zone)}/{id_}")
        if record is None:
            return None
        return record["id"], _state(record, zone) | {
            "includeShadowMetadata": operation.state.get("includeShadowMetadata")
        }

    def update(self, api: Api, operation: Operation) -> Values:
        inputs = operation.inputs
        _check_ttl(inputs)
        body: Json = {**_body(inputs), "settings": {}, "tags": []}
        path = f"{_records(inputs['zoneId'])}/{operation.id}"
        return _applied(api.request("PUT", path, body)["result"], inputs)

    def delete(self, api: Api, operation: Operation) -> None:
        """Raises ApiError for a record that is gone already, as the real plugin: a refresh tells it so."""
        api.request("DELETE", f"{_records(operation.state['zoneId'])}/{operation.id}")


def _records(zone: str) -> str:
    return f"/zones/{zone}/dns_records"


def _body(inputs: Values) -> Json:
    return to_json({name: inputs.get(name) for name in FIELDS})


def _check_ttl(inputs: Values) -> None:
    if inputs.get("proxied") and inputs["ttl"] != 1:
        raise ProviderError(
            "ttl must be set to 1 when `proxied` is true: Cloudflare controls the TTL of proxied records internally"
        )


def _state(record: Json, zone: str) -> Values:
    """All that the API tells of a record."""
    state = from_json(SCHEMA.outputs, record) | {"id": record["id"], "zoneId": zone}
    if record["type"] == "CNAME":
        # The API leaves these out for records that are not proxied, where they mean nothing.
        state["settings"] = dict.fromkeys(SETTINGS, False) | (state.get("settings") or {})
    return state


def _applied(record: Json, inputs: Values) -> Values:
    """The state after a create or update: what the program gave stays as it was written."""
    state = _state(record, inputs["zoneId"])
    return state | {name: inputs.get(name, state[name] if name == "content" else None) for name in KEPT}


def _plan(state: Values, planned: Values) -> Values:
    """Other spellings of what is there already are no changes: short names, case in CNAME targets, empty settings.

    Raises ProviderError, as the real plugin ends, where nothing is known of `data`, not even its fields: so the engine
    asks for a record that takes it from a resource that is to be replaced.
    """
    if isinstance(planned.get("data"), Unknown):
        raise ProviderError("data: Value Conversion Error: Received unknown value, which its type cannot handle")
    if not state:
        return planned
    result = dict(planned)
    name, there = planned.get("name"), (state.get("name") or "").rstrip(".")
    if isinstance(name, str) and name != there:
        short = name.rstrip(".")
        if (short == "@" and "." in there) or there.startswith(f"{short}."):
            result["name"] = state["name"]
    content, old = planned.get("content"), state.get("content")
    if planned.get("type") == "CNAME" and isinstance(content, str) and isinstance(old, str):
        result["content"] = old if content.lower() == old.lower() else content
    if not planned.get("settings"):
        result["settings"] = state.get("settings")
    if planned.get("comment") != state.get("comment"):
        result["commentModifiedOn"] = UNKNOWN
    return result


def _check(inputs: Values) -> Iterator[tuple[str, str]]:
    kind, priority = inputs["type"], inputs.get("priority")
    if isinstance(kind, str) and kind.upper() not in TYPES:
        yield "type", f'Invalid Attribute Value Match. Value must be one of: {sorted(TYPES)}, got: "{kind}"'
    if "content" in inputs and "data" in inputs:
        yield "content", 'Invalid Attribute Combination. "data" cannot be specified when "content" is specified'
    if isinstance(priority, int | float) and not 0 <= priority <= 65535:
        yield "priority", f"Invalid Attribute Value. Value must be between 0 and 65535, got: {priority}"


DNS_RECORD = ResourceType(
    token="cloudflare:index/dnsRecord:DnsRecord",  # noqa: S106  (a type token)
    schema=SCHEMA,
    operations=DnsRecords(),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    plan_defaults={"proxied": False},
    replace_on=frozenset({"type", "zoneId"}),
    computed=frozenset({"content", "tags", "settings", *(f"settings.{name}" for name in SETTINGS)}),
    sets=frozenset({"tags"}),
    unknown_on_update=frozenset({"modifiedOn"}),
    refused=frozenset({"settings", "tags", "privateRouting", "includeShadowMetadata"}),
    check=_check,
    plan=_plan,
)
