"""The stand-in plugins against what Pulumi's own answered to the same calls, those of this program."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from offline.sandbox.datacentre.api import build_app
from offline.sandbox.datacentre.paper import PaperHypervisor
from offline.sandbox.internet.cloudflare.access import TOKEN
from offline.sandbox.internet.cloudflare.server import build
from offline.toolchain.plugins.cloudflare.provider import CloudflareProvider
from offline.toolchain.plugins.command.provider import CommandProvider
from offline.toolchain.plugins.command.server import AssetServicer
from offline.toolchain.plugins.common.server import Servicer
from offline.toolchain.plugins.docker.provider import DockerProvider
from offline.toolchain.plugins.hcloud.provider import HcloudProvider
from tests.support.docker_engine import DockerEngine
from tests.support.plugin_api import close, invoke
from tests.support.plugin_engine import Engine
from tests.support.recordings import Call, Json, answer, calls, differences, renamed
from tests.support.serving import running

Names = dict[str, str]

NO_LOG: Any = None
"""No command is run."""

RECORD, CONTAINER = "cloudflare:index/dnsRecord:DnsRecord", "docker:index/container:Container"
FIREWALL, SERVER, VOLUME = (f"hcloud:index/{kind}" for kind in ("firewall:Firewall", "server:Server", "volume:Volume"))
ATTACHMENT = "hcloud:index/volumeAttachment:VolumeAttachment"
COPY = "command:remote:CopyToRemote"

NO_DEFAULTS = "An empty list of defaults says as much as none."
IN_A_CHANGED_ELEMENT = "Inside an element that changes anyway, the bridge tells an absent value from false or zero."
OF_ANOTHER_BUILD = "The recorded plugin was built of a Terraform provider that did not have it yet."

LISTED: dict[tuple[str, str, str], str] = {
    ("Diff", RECORD, "diffs[]"): "For a record of another zone modifiedOn is not named; it is replaced all the same.",
    ("Check", COPY, "inputs.source.text"): "The engine leaves an asset's empty parts away before anyone sees them.",
    ("Check", COPY, "inputs.source.uri"): "The engine leaves an asset's empty parts away before anyone sees them.",
    ("Create", CONTAINER, "properties.deviceCgroupRules"): OF_ANOTHER_BUILD,
    ("Read", CONTAINER, "properties.deviceCgroupRules"): OF_ANOTHER_BUILD,
    ("Update", CONTAINER, "properties.deviceCgroupRules"): OF_ANOTHER_BUILD,
    ("Diff", CONTAINER, "detailedDiff.mounts[0].readOnly.kind"): IN_A_CHANGED_ELEMENT,
    ("Update", CONTAINER, "properties.mounts[].readOnly"): IN_A_CHANGED_ELEMENT,
    ("Diff", FIREWALL, "detailedDiff.applyTos[0].server.kind"): IN_A_CHANGED_ELEMENT,
    ("Update", FIREWALL, "properties.applyTos[].server"): IN_A_CHANGED_ELEMENT,
    ("Read", FIREWALL, "inputs.__defaults"): NO_DEFAULTS,
    ("Read", SERVER, "inputs.__defaults"): NO_DEFAULTS,
    ("Read", VOLUME, "inputs.__defaults"): NO_DEFAULTS,
    ("Read", ATTACHMENT, "inputs.__defaults"): NO_DEFAULTS,
    ("Create", SERVER, "properties.sshKeys"): "A preview shows a list with an unknown key as unknown; nobody reads it.",
    (
        "Create",
        SERVER,
        "properties.sshKeys[]",
    ): "A preview shows a list with an unknown key as unknown; nobody reads it.",
}
"""By method, type and path: differences that nothing of this program hangs on, with the reason."""


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:real::poste-mail::{type_}::{name}"


# --- the world of a call: what had been made before it, with the plugin and how things are called there

ORDER = ("SshKey", "PrimaryIp", "Volume", "Firewall", "Server", "VolumeAttachment", "Rdns")
"""In which the program makes what is at Hetzner."""


def alone(call: Call) -> Engine:
    """A plugin that is asked for nothing that it would ask an API for."""
    servicer, settings = {
        "hcloud": (Servicer([], "1.43.0", HcloudProvider(), ""), {"token": "t" * 64, "endpoint": "http://127.0.0.1:9"}),
        "cloudflare": (
            Servicer([], "6.23.0", CloudflareProvider(), ""),
            {"apiToken": TOKEN, "baseUrl": "http://[::1]:9"},
        ),
        "docker": (Servicer([], "5.2.0", DockerProvider(), ""), {"host": "ssh://root@127.0.0.1:9"}),
        "command": (AssetServicer([], "1.2.1", CommandProvider(NO_LOG), ""), {}),
    }[call.plugin]
    engine = Engine(servicer)
    engine.configure(settings)
    return engine


@contextmanager
def hetzner(call: Call) -> Iterator[tuple[Engine, Names]]:
    app, cloud = build_app(PaperHypervisor(), "t" * 64)
    with running(app, cloud.actions.settle) as url:
        engine = Engine(Servicer([], "1.43.0", HcloudProvider(), engine_address=""))
        engine.configure({"token": "t" * 64, "endpoint": f"{url}/v1", "pollInterval": "10ms"})
        names: Names = {}
        if call.method != "Invoke":
            _make_all(engine, call, names)
        yield engine, names
        close(engine)


def _make_all(engine: Engine, call: Call, names: Names) -> None:
    """Make what the recorded reads found, up to what the call itself makes."""
    reads = [c for c in calls() if c.method == "Read" and c.plugin == "hcloud"]
    for read in sorted(reads, key=lambda read: ORDER.index(read.type.rpartition(":")[2])):
        same = (read.type, read.request["name"]) == (call.type, call.request["name"])
        if same and call.method == "Create":
            return
        inputs = call.request["oldInputs"] if same and call.method == "Update" else read.request["inputs"]
        id_, state = engine.create(urn(read.type, read.request["name"]), renamed(inputs, names))
        made = [c for c in calls() if c.method == "Create" and c.type == read.type]
        names |= {number: id_ for number in (read.request["id"], *(c.response.get("id") for c in made)) if number}
        if "Ip" in read.type:
            names[read.response["properties"]["ipAddress"]] = state["ipAddress"]


@contextmanager
def cloudflare(call: Call) -> Iterator[tuple[Engine, Names]]:
    with running(build()) as url:
        engine = Engine(Servicer([], "6.23.0", CloudflareProvider(), engine_address=""))
        engine.configure({"apiToken": TOKEN, "baseUrl": f"{url}/client/v4"})
        zone = invoke(engine, "cloudflare:index/getZone:getZone", {"filter": {"name": "family.example"}})["zoneId"]
        (real,) = {c.request["args"]["zoneId"] for c in calls() if c.type.endswith("getDnsRecords")}
        names = {real: str(zone)}
        if inputs := call.request.get("oldInputs") or call.request.get("inputs"):
            names[call.request["id"]], _ = engine.create(urn(call.type, "record"), inputs | {"zoneId": zone})
        yield engine, names
        engine.servicer._provider.client.client._client.close()


@contextmanager
def docker(call: Call) -> Iterator[tuple[Engine, Names]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("PATH", str(folder))
        daemon = stack.enter_context(DockerEngine(folder))
        for recorded in calls():
            if recorded.method == "Create" and recorded.type.endswith(":RemoteImage"):
                found = recorded.response["properties"]
                daemon.add_image(found["name"], found["imageId"], found["repoDigest"])
                daemon.add_image(found["imageId"], found["imageId"], found["repoDigest"])
                daemon.images[found["imageId"]]["Config"] = {"Healthcheck": {"Test": ["CMD", "true"]}}
        engine = Engine(Servicer([], "5.2.0", DockerProvider(), engine_address=""))
        engine.configure({"host": "ssh://root@198.51.100.130:22"})
        names = {}
        if call.method == "Read" and call.type.endswith(":Container"):
            names[call.request["id"]], _ = engine.create(urn(call.type, "poste"), call.request["inputs"])
        yield engine, names


WORLDS = {"hcloud": hetzner, "cloudflare": cloudflare, "docker": docker}


@cache
def found(call: Call) -> Json:
    """Where the stand-in's answer differs."""
    needs_none = call.method in ("Check", "Diff") or (call.method != "Invoke" and call.request.get("preview"))
    if needs_none or call.plugin == "command":
        return differences(call, answer(alone(call), call, {}))
    with WORLDS[call.plugin](call) as (engine, names):
        return differences(call, answer(engine, call, names))


# --- the tests


@pytest.mark.parametrize("call", calls(), ids=str)
def test_a_stand_in_answers_as_the_plugin_it_stands_for(call: Call) -> None:
    unlisted = {path: forms for path, forms in found(call).items() if (call.method, call.type, path) not in LISTED}
    assert not unlisted


def test_what_is_listed_as_different_still_is() -> None:
    different = {(call.method, call.type, path) for call in calls() for path in found(call)}
    assert LISTED.keys() <= different
