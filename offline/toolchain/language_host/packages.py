"""Which provider plugins a program needs: those that the Pulumi packages of its Python environment describe."""

import json
import subprocess
from typing import Any

from pulumi.runtime.proto import plugin_pb2

from offline.toolchain.language_host.environment import PythonEnvironment
from offline.toolchain.language_host.errors import LanguageHostError

# Runs in the program's interpreter. A package's pulumi-plugin.json lies beside its module, which find_spec() finds
# without importing it: importing some of these packages takes seconds.
LIST_DESCRIPTIONS = """
import importlib.metadata, importlib.util, json, pathlib
found = {}
for distribution in importlib.metadata.distributions():
    name = distribution.metadata["Name"].lower().replace("-", "_")
    spec = importlib.util.find_spec(name) if name.startswith("pulumi_") else None
    for location in (spec and spec.submodule_search_locations) or ():
        path = pathlib.Path(location, "pulumi-plugin.json")
        if path.is_file():
            found[name] = json.loads(path.read_text())
print(json.dumps(found))
"""


def required_packages(environment: PythonEnvironment) -> list[plugin_pb2.PackageDependency]:
    """The plugins that the Pulumi packages installed in `environment` stand for."""
    run = subprocess.run(
        [str(environment.interpreter), "-c", LIST_DESCRIPTIONS],
        env=environment.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise LanguageHostError(f"{environment.interpreter} could not list its packages:\n{run.stderr}")
    return [
        dependency(package, plugin)
        for package, plugin in sorted(json.loads(run.stdout).items())
        if plugin.get("resource")
    ]


def dependency(package: str, plugin: dict[str, Any]) -> plugin_pb2.PackageDependency:
    """The plugin that a package describes; raises LanguageHostError for one of another make than this project's."""
    if plugin.keys() != {"resource", "name", "version"}:
        raise LanguageHostError(
            f"the offline Python language host knows plugins by name and version, but {package} describes one by "
            f"{', '.join(sorted(plugin))}; install Pulumi's own CLI"
        )
    return plugin_pb2.PackageDependency(name=plugin["name"], kind="resource", version=f"v{plugin['version']}")
