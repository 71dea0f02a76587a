"""`cloudflare:index/zoneDnssec:ZoneDnssec`."""

from collections.abc import Iterator

from offline.toolchain.plugins.cloudflare.api import Api, Json
from offline.toolchain.plugins.cloudflare.convert import from_json
from offline.toolchain.plugins.cloudflare.schemas import ZONE_DNSSEC as SCHEMA
from offline.toolchain.plugins.common.resource import Operation, ResourceType, Values

STATUS = ("active", "disabled")
"""What a program may ask for; a refresh may find another, and so put one into the inputs that the check refuses."""

SWITCHES = frozenset({"dnssecMultiSigner", "dnssecPresigned", "dnssecUseNsec3"})


class ZoneDnssecs:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        zone = operation.inputs["zoneId"]
        return zone, _applied(_edit(api, zone, _asked(operation.inputs)), operation.inputs)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        zone = operation.state.get("zoneId") or operation.id
        found = api.find(_path(zone))
        return None if found is None else (zone, from_json(SCHEMA.outputs, found) | {"zoneId": zone})

    def update(self, api: Api, operation: Operation) -> Values:
        asked = _asked(operation.inputs)
        changed = {name: value for name, value in asked.items() if value != operation.state.get(name)}
        return _applied(_edit(api, operation.inputs["zoneId"], changed), operation.inputs)

    def delete(self, api: Api, operation: Operation) -> None:
        """Raises ApiError while the zone's parent has its DS record: Cloudflare keeps the keys until that is gone."""
        zone = operation.state["zoneId"]
        _edit(api, zone, {"status": "disabled"})
        api.request("DELETE", _path(zone))


def _path(zone: str) -> str:
    return f"/zones/{zone}/dnssec"


def _asked(inputs: Values) -> Json:
    return {"status": inputs["status"]} if "status" in inputs else {}


def _edit(api: Api, zone: str, body: Json) -> Json:
    result: Json = api.request("PATCH", _path(zone), body)["result"]
    return result


def _applied(found: Json, inputs: Values) -> Values:
    """The state after a create or update: inputs are as the program wrote them, or absent."""
    kept = dict.fromkeys({"status", *SWITCHES})
    return from_json(SCHEMA.outputs, found) | kept | inputs


def _check(inputs: Values) -> Iterator[tuple[str, str]]:
    status = inputs.get("status")
    if isinstance(status, str) and status.lower() not in STATUS:
        yield "status", f'Invalid Attribute Value Match. Value must be one of: {sorted(STATUS)}, got: "{status}"'


ZONE_DNSSEC = ResourceType(
    token="cloudflare:index/zoneDnssec:ZoneDnssec",  # noqa: S106  (a type token)
    schema=SCHEMA,
    operations=ZoneDnssecs(),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    replace_on=frozenset({"zoneId"}),
    unknown_on_update=frozenset(SCHEMA.outputs) - frozenset(SCHEMA.inputs),
    refused=SWITCHES,
    check=_check,
)
