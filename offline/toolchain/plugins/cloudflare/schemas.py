"""The schemas of all that the provider offers, read from Pulumi's cloudflare SDK.

Importing that whole package runs more than a thousand generated modules, which would cost every start of the plugin a
second of processor time. Here the few modules needed are imported below a bare package, which is taken away again so
that an ordinary import of the package in the same process finds nothing of it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

from offline.toolchain.plugins.common.schema import arguments, function_schema, resource_schema

PACKAGE = "pulumi_cloudflare"


@contextmanager
def _bare_package() -> Iterator[None]:
    if PACKAGE in sys.modules:  # what this is to save has been spent
        yield
        return
    spec = find_spec(PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(PACKAGE)
    package = ModuleType(PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[PACKAGE] = package
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]:
            del sys.modules[name]


with _bare_package():
    from pulumi_cloudflare.dns_record import DnsRecord, DnsRecordArgs
    from pulumi_cloudflare.get_dns_records import GetDnsRecordsResult, get_dns_records
    from pulumi_cloudflare.get_zone import GetZoneResult, get_zone
    from pulumi_cloudflare.get_zone_dnssec import GetZoneDnssecResult, get_zone_dnssec
    from pulumi_cloudflare.provider import ProviderArgs
    from pulumi_cloudflare.zone_dnssec import ZoneDnssec, ZoneDnssecArgs

    SETTINGS = arguments(ProviderArgs)
    DNS_RECORD = resource_schema(DnsRecordArgs, DnsRecord)
    ZONE_DNSSEC = resource_schema(ZoneDnssecArgs, ZoneDnssec)
    GET_ZONE = function_schema(get_zone, GetZoneResult)
    GET_DNS_RECORDS = function_schema(get_dns_records, GetDnsRecordsResult)
    GET_ZONE_DNSSEC = function_schema(get_zone_dnssec, GetZoneDnssecResult)
