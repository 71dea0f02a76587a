"""What Hetzner holds of a stack, told by its labels; and waiting until Hetzner is done with it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hcloud import Client

from model.addresses import ipv6_host
from model.settings import Part, Settings
from operate.errors import RepairError
from operate.repair.state import Json
from operate.repair.things import (
    ATTACHMENT,
    FIREWALL,
    PRIMARY_IP,
    RDNS,
    SERVER,
    SSH_KEY,
    STORAGE_BOX,
    SUBACCOUNT,
    VOLUME,
    Planned,
    Thing,
)

PARTS: Mapping[str, Part] = {
    PRIMARY_IP: "addresses",
    FIREWALL: "server",
    SERVER: "server",
    VOLUME: "volume",
    STORAGE_BOX: "backup",
    SUBACCOUNT: "backup",
}
"""With which part of the stack each type is protected."""

PATIENCE = 600.0
"""Seconds until a thing that is being made is given up; a server takes one minute, on a bad day some."""
PAUSE = 3.0


@dataclass(frozen=True)
class Hetzner:
    """One look at a whole project: all there is of each type by its identifier, and the labels of the stack."""

    found: Mapping[str, Mapping[str, Any]]
    labels: Mapping[str, str]

    def things(self) -> Iterator[Thing]:
        """Everything with the stack's labels, and the attachments between two of them."""
        for kind, entries in self.found.items():
            for identifier, entry in entries.items():
                if self._is_ours(entry):
                    wanted = f"{entry.storage_box.id}/{identifier}" if kind == SUBACCOUNT else ""
                    marks = {"name": entry.name}
                    yield Thing(kind, identifier, entry.name, _place(entry), marks, import_id=wanted)
        for identifier, volume in self.found[VOLUME].items():
            server = volume.server and self.found[SERVER].get(str(volume.server.id))
            if server and self._is_ours(volume) and self._is_ours(server):
                name = f"{volume.name} on {server.name}"
                marks = {"volumeId": identifier, "serverId": str(volume.server.id)}
                yield Thing(ATTACHMENT, identifier, name, _place(volume), marks)

    def planned(self, project: str, stack: str, settings: Settings) -> Iterator[Planned]:
        """The program's resources that the stack's things are; at the root of the stack, by their names at Hetzner.

        There and so the program finds its children, too: see components.options.child.
        """
        for thing in self.things():
            volume = self.found[VOLUME].get(thing.id)
            name = volume.name if volume and thing.type == ATTACHMENT else thing.name
            part = PARTS.get(thing.type)
            urn = f"urn:pulumi:{stack}::{project}::{thing.type}::{name}"
            yield Planned(urn, thing.marks, protect=part is not None and settings.protects(part))

    def addresses(self) -> list[str]:
        """The stack's IPv4 and IPv6 address, as far as they are there."""
        mine = [entry for entry in self.found[PRIMARY_IP].values() if self._is_ours(entry)]
        return [ipv6_host(entry.ip) if entry.type == "ipv6" else entry.ip for entry in mine]

    def lacks(self, resource: Json) -> bool:
        """Whether a resource of the state is gone at Hetzner, or is not as the state says in a way that matters."""
        kind, outputs = resource["type"], resource.get("outputs") or {}
        if kind == RDNS:
            return str(int(outputs["primaryIpId"])) not in self.found[PRIMARY_IP]
        if kind == ATTACHMENT:
            volume = self.found[VOLUME].get(resource["id"])
            return not (volume and volume.server and volume.server.id == int(outputs["serverId"]))
        if kind == SUBACCOUNT and str(int(outputs["storageBoxId"])) not in self.found[STORAGE_BOX]:
            return True
        return kind in self.found and resource["id"] not in self.found[kind]

    def wait(self, things: Iterable[Thing], say: Callable[[str], None]) -> bool:
        """Wait until Hetzner does nothing more to these things; whether there was anything to wait for."""
        deadline, waited = time.monotonic() + PATIENCE, False
        for thing in things:
            while running := self._running(thing):
                waited = True
                say(f"waiting for {thing}: {running}")
                if time.monotonic() > deadline:
                    raise RepairError(f"{thing}: Hetzner is still at {running} after {PATIENCE:.0f} s. Try again later")
                time.sleep(PAUSE)
        return waited

    def _is_ours(self, entry: Any) -> bool:
        return self.labels.items() <= (entry.labels or {}).items()

    def _running(self, thing: Thing) -> str:
        """The actions that Hetzner has not done yet, in its own words."""
        kind = VOLUME if thing.type == ATTACHMENT else thing.type
        if kind in (SSH_KEY, SUBACCOUNT) or kind not in self.found:
            return ""  # made at once, or no action of its own
        actions = self.found[kind][thing.id].get_actions(status=["running"])
        return ", ".join(f"{action.command} ({action.progress} %)" for action in actions)


def look(client: Client, labels: Mapping[str, str]) -> Hetzner:
    """Everything that the project holds; a project is one mail server, or a few."""
    lists: Mapping[str, Callable[[], Sequence[Any]]] = {
        SSH_KEY: client.ssh_keys.get_all,
        PRIMARY_IP: client.primary_ips.get_all,
        FIREWALL: client.firewalls.get_all,
        SERVER: client.servers.get_all,
        VOLUME: client.volumes.get_all,
    }
    boxes = client.storage_boxes.get_all()
    found = {kind: every() for kind, every in lists.items()} | {
        STORAGE_BOX: boxes,
        SUBACCOUNT: [
            account
            for box in boxes
            if labels.items() <= (box.labels or {}).items()
            for account in box.get_subaccount_all()
        ],
    }
    return Hetzner({kind: {str(entry.id): entry for entry in entries} for kind, entries in found.items()}, labels)


def _place(entry: Any) -> str:
    """Where a thing is; keys and firewalls are in no location."""
    location = getattr(entry, "location", None)
    return f"Hetzner, {location.name}" if location else "Hetzner"
