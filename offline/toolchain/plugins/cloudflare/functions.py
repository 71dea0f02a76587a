"""The data sources: a zone, its records, its DNSSEC."""

from offline.toolchain.plugins.cloudflare.api import Api
from offline.toolchain.plugins.cloudflare.convert import from_json, to_json
from offline.toolchain.plugins.cloudflare.schemas import GET_DNS_RECORDS, GET_ZONE, GET_ZONE_DNSSEC
from offline.toolchain.plugins.common.resource import Function, ProviderError, Values

MAX_ITEMS = 1000
"""How many records are returned if the program sets no limit."""


def get_zone(api: Api, arguments: Values) -> Values:
    zone = arguments.get("zoneId")
    if arguments.get("filter"):
        found = api.request("GET", "/zones", query=to_json(arguments["filter"]))["result"]
        if len(found) != 1:
            raise ProviderError(f"failed to find exactly one result: {len(found)} found for {arguments['filter']}")
        zone = found[0]["id"]
    if not zone:
        raise ProviderError("Invalid zone configuration: empty or null zone ID")
    result = from_json(GET_ZONE.outputs, api.request("GET", f"/zones/{zone}")["result"])
    return result | {"id": zone, "zoneId": zone, "filter": arguments.get("filter")}


def get_dns_records(api: Api, arguments: Values) -> Values:
    if not arguments.get("zoneId"):
        raise ProviderError("missing required zone_id parameter")
    if filters := sorted(arguments.keys() - {"zoneId", "maxItems"}):
        raise ProviderError(f"this stand-in lists all records of a zone, and not by {', '.join(filters)}")
    limit = arguments.get("maxItems") or MAX_ITEMS
    fields = (GET_DNS_RECORDS.outputs["results"].element or GET_DNS_RECORDS.outputs["results"]).fields
    results = []
    for record in api.every(f"/zones/{arguments['zoneId']}/dns_records", {}):
        results.append({name: value for name, value in from_json(fields, record).items() if value is not None})
        if len(results) == limit:
            break
    return {**arguments, "results": results}


def get_zone_dnssec(api: Api, arguments: Values) -> Values:
    zone = arguments.get("zoneId")
    if not zone:
        raise ProviderError("missing required zone_id parameter")
    found = api.request("GET", f"/zones/{zone}/dnssec")["result"]
    return from_json(GET_ZONE_DNSSEC.outputs, found) | {"id": zone, "zoneId": zone}


FUNCTIONS = (
    Function("cloudflare:index/getZone:getZone", GET_ZONE, get_zone),
    Function("cloudflare:index/getDnsRecords:getDnsRecords", GET_DNS_RECORDS, get_dns_records),
    Function("cloudflare:index/getZoneDnssec:getZoneDnssec", GET_ZONE_DNSSEC, get_zone_dnssec),
)
