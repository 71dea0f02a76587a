"""What Hetzner offers: locations, server types and system images, with the ids, sizes and prices of autumn 2026."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Location:
    id: int
    name: str
    description: str
    country: str
    city: str
    latitude: float
    longitude: float
    network_zone: str

    def json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class ServerType:
    """Memory and disk in GB, prices in euro a month without VAT."""

    id: int
    name: str
    category: str
    cores: int
    memory: float
    disk: int
    cpu_type: str
    architecture: str
    monthly: float
    locations: tuple[str, ...]
    sold_out_in: tuple[str, ...] = ()
    deprecation: tuple[str, str] | None = None  # announced, unavailable after

    def json(self) -> dict[str, Any]:
        deprecation = (
            {"announced": self.deprecation[0], "unavailable_after": self.deprecation[1]} if self.deprecation else None
        )
        return {
            "id": self.id,
            "name": self.name,
            "description": self.name.upper(),
            "category": self.category,
            "cores": self.cores,
            "memory": self.memory,
            "disk": self.disk,
            "deprecated": self.deprecation is not None,
            "prices": [
                {
                    "location": name,
                    "price_hourly": _price(self.monthly / 624),
                    "price_monthly": _price(self.monthly),
                    "included_traffic": 20 * 1024**4,
                    "price_per_tb_traffic": _price(1.0),
                }
                for name in self.locations
            ],
            "storage_type": "local",
            "cpu_type": self.cpu_type,
            "architecture": self.architecture,
            "deprecation": deprecation,
            "locations": [
                {
                    "id": location.id,
                    "name": location.name,
                    "deprecation": deprecation,
                    "available": location.name not in self.sold_out_in,
                    "recommended": location.name not in self.sold_out_in and deprecation is None,
                }
                for location in LOCATIONS
                if location.name in self.locations
            ],
        }


@dataclass(frozen=True)
class Image:
    id: int
    name: str
    description: str
    os_flavor: str
    os_version: str
    architecture: str

    def json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "system",
            "status": "available",
            "name": self.name,
            "description": self.description,
            "image_size": None,
            "disk_size": 5,
            "created": "2026-08-10T06:00:00Z",
            "created_from": None,
            "bound_to": None,
            "os_flavor": self.os_flavor,
            "os_version": self.os_version,
            "architecture": self.architecture,
            "rapid_deploy": True,
            "protection": {"delete": False},
            "deprecated": None,
            "deleted": None,
            "labels": {},
        }


@dataclass(frozen=True)
class StorageBoxType:
    """Size in TiB, price in euro a month without VAT."""

    id: int
    name: str
    size: int
    snapshots: int
    monthly: float

    def json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "description": self.name.upper(),
            "snapshot_limit": self.snapshots,
            "automatic_snapshot_limit": self.snapshots,
            "subaccounts_limit": 100,
            "size": self.size * 1024**4,
            "prices": [
                {
                    "location": name,
                    "price_hourly": _price(self.monthly / 624),
                    "price_monthly": _price(self.monthly),
                    "setup_fee": _price(0),
                }
                for name in BOX_LOCATIONS
            ],
            "deprecation": None,
        }


def _price(net: float) -> dict[str, str]:
    return {"net": f"{net:.10f}", "gross": f"{net * 1.19:.16f}"}


LOCATIONS = (
    Location(1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central"),
    Location(2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central"),
    Location(3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central"),
    Location(4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east"),
    Location(5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west"),
    Location(6, "sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast"),
)

_EUROPE = ("fsn1", "nbg1", "hel1")
_OVERSEAS = ("ash", "hil", "sin")
_COST, _REGULAR, _DEDICATED = "Cost-Optimized", "Regular Performance", "General Purpose"

SERVER_TYPES = (
    ServerType(114, "cx23", _COST, 2, 4.0, 40, "shared", "x86", 5.49, _EUROPE),
    ServerType(115, "cx33", _COST, 4, 8.0, 80, "shared", "x86", 8.49, _EUROPE),
    ServerType(117, "cx53", _COST, 16, 32.0, 320, "shared", "x86", 29.49, _EUROPE, sold_out_in=("hel1",)),
    ServerType(45, "cax11", _COST, 2, 4.0, 40, "shared", "arm", 5.99, _EUROPE),
    ServerType(
        22,
        "cpx11",
        _REGULAR,
        2,
        2.0,
        40,
        "shared",
        "x86",
        8.99,
        _OVERSEAS,
        deprecation=("2026-09-01T00:00:00Z", "2027-06-30T00:00:00Z"),
    ),
    ServerType(96, "ccx13", _DEDICATED, 2, 8.0, 80, "dedicated", "x86", 42.99, (*_EUROPE, *_OVERSEAS)),
)

BOX_TYPES = (
    StorageBoxType(1333, "bx11", 1, 10, 3.20),
    StorageBoxType(1334, "bx21", 5, 20, 10.90),
    StorageBoxType(1335, "bx31", 10, 30, 20.80),
    StorageBoxType(1336, "bx41", 20, 40, 40.60),
)
BOX_LOCATIONS = ("fsn1", "hel1")

IMAGES = tuple(
    Image(base + offset, name, description, flavor, version, architecture)
    for base, name, description, flavor, version in (
        (310_557_660, "debian-13", "Debian 13", "debian", "13"),
        (114_690_387, "debian-12", "Debian 12", "debian", "12"),
    )
    for offset, architecture in ((0, "x86"), (1, "arm"))
)


def location(wanted: int | str) -> Location | None:
    return next((entry for entry in LOCATIONS if wanted in (entry.id, entry.name)), None)


def server_type(wanted: int | str) -> ServerType | None:
    return next((entry for entry in SERVER_TYPES if wanted in (entry.id, entry.name)), None)


def box_type(wanted: int | str) -> StorageBoxType | None:
    return next((entry for entry in BOX_TYPES if wanted in (entry.id, entry.name)), None)


def image(wanted: int | str, architecture: str) -> Image | None:
    """The image of that id, or of that name for the architecture."""
    return next(
        (
            entry
            for entry in IMAGES
            if wanted == entry.id or (wanted == entry.name and entry.architecture == architecture)
        ),
        None,
    )
