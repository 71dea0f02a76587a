"""Which Pulumi packages a Python environment has, and so which provider plugins its program needs."""

import base64
import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from pulumi.runtime.proto import plugin_pb2

from offline.toolchain.language_host.environment import PythonEnvironment
from offline.toolchain.language_host.errors import LanguageHostError

# Pulumi packages that are libraries only, though they carry no pulumi-plugin.json that says so.
WITHOUT_PLUGIN = {"pulumi-policy", "pulumi-esc-sdk"}

# Runs in the program's interpreter. A package's pulumi-plugin.json lies beside its module, which find_spec() finds
# without importing it: importing some of these packages takes seconds.
LIST_PULUMI_PACKAGES = """
import importlib.metadata, importlib.util, json, pathlib
found = {}
for distribution in importlib.metadata.distributions():
    name = distribution.metadata["Name"].lower().replace("_", "-").replace(".", "-")
    plugin = None
    spec = importlib.util.find_spec(name.replace("-", "_")) if "pulumi" in name else None
    for location in (spec and spec.submodule_search_locations) or ():
        path = pathlib.Path(location, "pulumi-plugin.json")
        if path.is_file():
            plugin = json.loads(path.read_text())
            break
    if plugin is not None or name.startswith("pulumi-"):
        found.setdefault(name, {"version": distribution.version, "plugin": plugin})
print(json.dumps(found))
"""


@dataclass(frozen=True)
class InstalledPackage:
    """A Pulumi package of the environment: its name, its version and its pulumi-plugin.json if it has one."""

    name: str
    version: str
    plugin: dict[str, Any] | None


def required_packages(environment: PythonEnvironment) -> list[plugin_pb2.PackageDependency]:
    """The plugins that the Pulumi packages installed in `environment` stand for."""
    run = subprocess.run(
        [str(environment.interpreter), "-c", LIST_PULUMI_PACKAGES],
        env=environment.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise LanguageHostError(f"{environment.interpreter} could not list its packages:\n{run.stderr}")
    packages = (InstalledPackage(name, **entry) for name, entry in sorted(json.loads(run.stdout).items()))
    dependencies = (dependency(package) for package in packages)
    return [found for found in dependencies if found is not None]


def dependency(package: InstalledPackage) -> plugin_pb2.PackageDependency | None:
    """The plugin `package` needs, or None if it needs none or its version cannot be known."""
    plugin = package.plugin or {}
    if package.name in WITHOUT_PLUGIN or not plugin.get("resource", package.plugin is None):
        return None
    version = plugin.get("version") or plugin_version(package.version)
    if not version:
        return None
    return plugin_pb2.PackageDependency(
        name=plugin.get("name") or package.name.removeprefix("pulumi-"),
        kind="resource",
        version=f"v{version.removeprefix('v')}",
        server=plugin.get("server") or "",
        parameterization=_parameterization(plugin.get("parameterization")),
        extension=_parameterization(plugin.get("extensionParameterization")),
    )


def _parameterization(value: dict[str, str] | None) -> plugin_pb2.PackageParameterization | None:
    # Protobuf's JSON form has bytes as base64, and so has pulumi-plugin.json.
    if not value:
        return None
    return plugin_pb2.PackageParameterization(
        name=value.get("name", ""),
        version=value.get("version", ""),
        value=base64.b64decode(value.get("value", "")),
    )


PEP440 = re.compile(
    r"(?P<release>\d+(?:\.\d+)*)(?:(?P<phase>a|b|rc)(?P<number>\d+))?(?:\.post(?P<post>\d+))?(?:\.dev(?P<dev>\d+))?"
)
PHASES = {"a": "alpha", "b": "beta", "rc": "rc"}


def plugin_version(package_version: str) -> str | None:
    """The SemVer form of a PEP 440 version ("1.0rc2" is "1.0.0-rc.2"), or None where there is none (epochs, locals)."""
    match = PEP440.fullmatch(package_version)
    if match is None:
        return None
    release = match["release"].split(".")
    version = ".".join(release + ["0"] * (3 - len(release)))
    if match["phase"]:
        version += f"-{PHASES[match['phase']]}.{match['number']}"
    build = "".join(f"{name}{match[name]}" for name in ("post", "dev") if match[name])
    return f"{version}+{build}" if build else version
