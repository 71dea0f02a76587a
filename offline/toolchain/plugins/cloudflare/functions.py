"""The data sources: a zone, its records, its DNSSEC, an account's Workers and their domains."""

from collections.abc import Iterable
from itertools import islice

from offline.toolchain.plugins.cloudflare.api import Api, Json
from offline.toolchain.plugins.cloudflare.convert import from_json, to_json
from offline.toolchain.plugins.cloudflare.schemas import (
    GET_DNS_RECORDS,
    GET_WORKERS_CUSTOM_DOMAINS,
    GET_WORKERS_SCRIPTS,
    GET_ZONE,
    GET_ZONE_DNSSEC,
)
from offline.toolchain.plugins.common.resource import Function, ProviderError, Values
from offline.toolchain.plugins.common.schema import Schema
from offline.toolchain.plugins.common.values import without_none

MAX_ITEMS = 1000
"""How many items of a list are returned if the program sets no limit."""


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
    return _listed(GET_DNS_RECORDS, arguments, api.every(f"/zones/{arguments['zoneId']}/dns_records", {}))


def get_workers_scripts(api: Api, arguments: Values) -> Values:
    if "tags" in arguments:
        raise ProviderError("this stand-in lists all scripts of an account, and not by tags")
    return _listed(GET_WORKERS_SCRIPTS, arguments, _workers(api, arguments, "scripts", {}))


def get_workers_custom_domains(api: Api, arguments: Values) -> Values:
    query = to_json({name: value for name, value in arguments.items() if name not in ("accountId", "maxItems")})
    return _listed(GET_WORKERS_CUSTOM_DOMAINS, arguments, _workers(api, arguments, "domains", query))


def _workers(api: Api, arguments: Values, kind: str, query: Json) -> Iterable[Json]:
    """What an account has of a kind; such lists have no pages."""
    if not arguments.get("accountId"):
        raise ProviderError("missing required account_id parameter")
    found: list[Json] = api.request("GET", f"/accounts/{arguments['accountId']}/workers/{kind}", query=query)["result"]
    return found


def _listed(schema: Schema, arguments: Values, found: Iterable[Json]) -> Values:
    """The first of what was found, up to the limit, as the schema has it."""
    fields = (schema.outputs["results"].element or schema.outputs["results"]).fields
    results = [without_none(from_json(fields, item)) for item in islice(found, arguments.get("maxItems") or MAX_ITEMS)]
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
    Function("cloudflare:index/getWorkersScripts:getWorkersScripts", GET_WORKERS_SCRIPTS, get_workers_scripts),
    Function(
        "cloudflare:index/getWorkersCustomDomains:getWorkersCustomDomains",
        GET_WORKERS_CUSTOM_DOMAINS,
        get_workers_custom_domains,
    ),
)
