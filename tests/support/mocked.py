"""Runs the whole program under Pulumi's mocks and keeps what it registers, options included."""

import asyncio
import json
import os
import runpy
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
from pulumi.runtime import config as runtime
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.stack import run_pulumi_func

from model.stack_config import PARTLY_SECRET, SECRETS
from tests.support.examples import VALUES
from tests.support.warm import warm_python

PROGRAM = Path(__file__).parents[2] / "__main__.py"
IPV4, IPV6 = "198.51.100.140", "2001:db8:100:101::"
ZONE = "0123456789abcdef0123456789abcdef"
ZONES = {"example.org": "fedcba9876543210fedcba9876543210"}
"""Zones of their own; all other names lie in `ZONE`."""
ACCOUNT = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
CERTIFICATE = {"account": ACCOUNT, "0": "0" * 64, "1": "1" * 64}
SELECTOR = "s20261125123"
NEXT = "s20261128456"
"""The selector of the key that comes after it."""
SERVERS_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIICf9svRenC poste-mail-backup"
"""The public half of the key with which the server adds to its backup."""
HELD = {
    f"hcloud:index/get{kind[0].upper()}{kind[1:]}:get{kind[0].upper()}{kind[1:]}": kind
    for kind in ("servers", "volumes", "primaryIps", "sshKeys", "firewalls", "storageBoxes")
}
TOKENS = {"hcloud:token": "h" * 64, "cloudflare:apiToken": "c" * 40}


@dataclass
class Registered:
    """One resource as the engine is asked to make it."""

    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    """Unknown values are Pulumi's `Unknown`; secrets are kept as `Secret`."""
    protect: bool
    ignores: list[str]
    delete_first: bool
    depends_on: set[str]
    """Names of the resources that must be there before, through options or inputs."""
    sources: dict[str, set[str]]
    """For each input, names of the resources that its value comes from."""
    provider: str
    goes_with: str
    """URN of the resource whose deletion deletes this one."""
    kept: bool
    """Whether the engine leaves it where it is instead of deleting it."""
    id: str = ""
    """The identifier that the cloud gave it."""


@dataclass(frozen=True)
class Secret:
    """A secret input."""

    value: Any


@dataclass
class Cloud(Mocks):
    """Answers as the clouds would."""

    public_key: str
    records: list[dict[str, Any]] = field(default_factory=list)
    unknown: bool = False
    """As in the preview of an empty stack: what a provider computes is not known yet."""
    server_type: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    """Type and outputs of the resources that the stack has already, by URN."""
    held: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What the Hetzner project holds before, by kind: servers, volumes, primaryIps, sshKeys, firewalls."""
    dnssec: str = "disabled"
    """Cloudflare's word for how far each zone is signed."""
    served: list[dict[str, str]] = field(default_factory=list)
    """The hosts that Workers serve already, each with its service."""
    switched: dict[str, Any] = field(
        default_factory=lambda: {"phase": "waiting", "due": 2_000_000_000, "since": 0, "why": ""}
    )
    """What the change of a DKIM key comes to in this deploy."""
    keys_at: int = 1
    """When the DKIM keys were looked at, in seconds since the epoch."""
    made: int = 0

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.made += 1
        identifier = "" if self.unknown and not args.typ.startswith("pulumi:") else str(1000 + self.made)
        return identifier or None, dict(args.inputs) | ({} if self.unknown else self._computed(args))

    def _computed(self, args: MockResourceArgs) -> dict[str, Any]:
        key = {"selector": SELECTOR, "public_key": SERVERS_KEY if args.name == "backup-access" else self.public_key}
        computed: dict[str, dict[str, Any]] = {
            "hcloud:index/primaryIp:PrimaryIp": {"ipAddress": IPV4 if args.inputs.get("type") == "ipv4" else IPV6},
            "hcloud:index/volume:Volume": {"linuxDevice": "/dev/disk/by-id/scsi-0HC_Volume_1"},
            "hcloud:index/storageBox:StorageBox": {"username": "u1", "server": "u1.your-storagebox.de"},
            "hcloud:index/storageBoxSubaccount:StorageBoxSubaccount": {
                "username": "u1-sub1",
                "server": "u1-sub1.your-storagebox.de",
            },
            "docker:index/remoteImage:RemoteImage": {"imageId": "sha256:" + "b" * 64},
            "command:remote:Command": {"stdout": json.dumps(key | {"folder": "/mnt/poste/data"} | CERTIFICATE)},
        }
        if args.typ == "command:remote:Command" and (told := self._dkim(args)):
            return {"stdout": json.dumps(told)}
        return computed.get(args.typ, {})

    @property
    def _known(self) -> dict[str, dict[str, Any]]:
        """What is answered to questions, whatever is asked with them."""
        return {
            "cloudflare:index/getDnsRecords:getDnsRecords": {"results": self.records},
            "cloudflare:index/getZoneDnssec:getZoneDnssec": {"status": self.dnssec},
            "cloudflare:index/getWorkersCustomDomains:getWorkersCustomDomains": {"results": self.served},
            "pulumi:pulumi:readStackResourceOutputs": {"outputs": self.state},
        }

    def _dkim(self, args: MockResourceArgs) -> dict[str, Any] | None:
        """What remote/dkim.py and remote/dkim_switch.py print, if it is one of them that runs."""
        asked = json.loads(args.inputs["stdin"]) if "/dkim" in args.inputs["create"] else {}
        rotation = asked.get("rotation")
        if "dkim_switch.py" in args.inputs["create"]:
            return self.switched | {"rotation": rotation, "told": asked["due"]}
        if rotation is None:
            return None
        selectors = {rotation: SELECTOR if rotation == asked["first"] else NEXT, rotation - 1: SELECTOR}
        keys = {
            str(generation): {"selector": selector, "public_key": self.public_key}
            for generation, selector in selectors.items()
            if generation >= asked["first"]
        }
        first = {"rotation": rotation, "first": asked["first"], "active": max(rotation - 1, asked["first"])}
        return first | {"at": self.keys_at, "keys": keys}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        match args.token:
            case "hcloud:index/getServerType:getServerType":
                place = {"name": "nbg1", "available": True, "isDeprecated": False}
                found = {"name": "cx23", "architecture": "x86", "memory": 4, "locations": [place]}
                return found | self.server_type, []
            case "cloudflare:index/getZone:getZone":
                name = args.args["filter"]["name"]
                return {"zoneId": ZONES.get(name, ZONE), "name": name, "account": {"id": "a" * 32}}, []
            case token if token in self._known:
                return self._known[token], []
            case "hcloud:index/getImage:getImage":
                return {"name": args.args["name"]}, []
            case token if token in HELD:
                return {HELD[token]: self.held.get(HELD[token], [])}, []
            case token:
                raise AssertionError(f"the program called {token}")


def run_program(cloud: Cloud, *, stack: str = "prod", preview: bool = False, **config: Any) -> dict[str, Registered]:
    """Run `__main__.py`; the registered resources by type's last part and name, such as `DnsRecord example.com-mx`."""
    values = {key: value for key, value in (VALUES | config).items() if value is not None}
    text = {
        f"poste-mail:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }
    registered: dict[str, Registered] = {}
    original = MockMonitor.RegisterResource

    def register(monitor: MockMonitor, request: Any) -> Any:
        found = _registered(request)
        if found.type != "pulumi:pulumi:Stack":  # made once in a process, whatever runs
            registered[f"{found.type.rpartition(':')[2]} {found.name}"] = found
        answer = original(monitor, request)  # type: ignore[no-untyped-call]
        found.id = answer.id
        return answer

    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        set_mocks(cloud, project="poste-mail", stack=stack, preview=preview)
        runtime.set_all_config(
            text | TOKENS, [f"poste-mail:{key}" for key in (*SECRETS, *PARTLY_SECRET)] + list(TOKENS)
        )
        with patch.object(MockMonitor, "RegisterResource", register):
            loop.run_until_complete(run_pulumi_func(_program))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return registered


def _program() -> None:
    runpy.run_path(str(PROGRAM), run_name="__main__")


def refusal(cloud: Cloud, **config: Any) -> str:
    """What the program says when it stops half-way. In a process of its own: the SDK's state does not survive that."""
    done = subprocess.run(
        [str(warm_python().interpreter), "-W", "ignore", "-m", "tests.support.mocked"],
        input=json.dumps([asdict(cloud), config]),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(PROGRAM.parent)},
    )
    assert done.returncode != 0, "the program did not stop"
    return done.stderr


def _registered(request: Any) -> Registered:
    inputs = rpc.deserialize_properties(request.object)
    sources = {key: set(deps.urns) for key, deps in request.propertyDependencies.items()}
    urns = set(request.dependencies).union(*sources.values())
    return Registered(
        type=request.type,
        name=request.name,
        parent=request.parent.rpartition("::")[2],
        inputs={key: _unwrapped(value) for key, value in inputs.items()},
        protect=request.protect,
        ignores=list(request.ignoreChanges),
        delete_first=request.deleteBeforeReplace,
        depends_on=set(map(_short, urns)),
        sources={key: set(map(_short, found)) for key, found in sources.items()},
        goes_with=request.deletedWith,
        kept=request.retainOnDelete,
        provider=request.provider.rpartition("::")[2] or next(iter(request.providers.values()), ""),
    )


def _short(urn: str) -> str:
    """Type's last part and name, as the keys of what `run_program` returns."""
    return f"{urn.split('::')[2].rpartition(':')[2]} {urn.rpartition('::')[2]}"


def _unwrapped(value: Any) -> Any:
    if rpc.is_rpc_secret(value):
        return Secret(_unwrapped(rpc.unwrap_rpc_secret(value)))
    if isinstance(value, pulumi.Output):
        raise TypeError("an input is still an output")
    if isinstance(value, dict):
        return {key: _unwrapped(item) for key, item in value.items()}
    return [_unwrapped(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    cloud_as_it_is, changed_settings = json.load(sys.stdin)
    run_program(Cloud(**cloud_as_it_is), **changed_settings)
