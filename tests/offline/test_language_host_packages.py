"""How an installed Python package tells which plugin it needs."""

import base64
from typing import Any

import pytest

from offline.toolchain.language_host.packages import InstalledPackage, dependency, plugin_version


@pytest.mark.parametrize(
    ("package_version", "expected"),
    [
        ("1.43.0", "1.43.0"),
        ("1", "1.0.0"),
        ("1.2", "1.2.0"),
        ("1.2.3.4", "1.2.3.4"),
        ("2.14.0a1605583329", "2.14.0-alpha.1605583329"),
        ("2.14.0b4", "2.14.0-beta.4"),
        ("2.14.0rc1", "2.14.0-rc.1"),
        ("1.2.3.post4", "1.2.3+post4"),
        ("1.2.3.dev5", "1.2.3+dev5"),
        ("1.2.3.post4.dev5", "1.2.3+post4dev5"),
        ("1!1.2.3", None),  # an epoch has no place in SemVer
        ("1.2.3+local", None),
        ("", None),
    ],
)
def test_a_plugins_version_is_the_semver_form_of_the_packages(package_version: str, expected: str | None) -> None:
    assert plugin_version(package_version) == expected


@pytest.mark.parametrize(
    ("name", "plugin", "expected"),
    [
        ("pulumi-hcloud", {"resource": True, "name": "hcloud", "version": "9.9.9"}, ("hcloud", "v9.9.9", "")),
        ("pulumi-hcloud", {"resource": True}, ("hcloud", "v1.2.3", "")),
        ("pulumi-old", None, ("old", "v1.2.3", "")),  # packages from before pulumi-plugin.json
        (
            "acme",
            {"resource": True, "name": "acme", "server": "https://acme.example"},
            ("acme", "v1.2.3", "https://acme.example"),
        ),
        ("pulumi-lib", {"resource": False, "name": "lib"}, None),
        ("pulumi-policy", None, None),
    ],
)
def test_a_package_needs_the_plugin_its_description_names(
    name: str, plugin: dict[str, Any] | None, expected: tuple[str, str, str] | None
) -> None:
    found = dependency(InstalledPackage(name, "1.2.3", plugin))
    assert (found and (found.name, found.version, found.server)) == expected


def test_a_parameterized_package_keeps_its_parameter_as_bytes() -> None:
    parameter = {"name": "acme", "version": "1.0.0", "value": base64.b64encode(b"\x00raw").decode()}
    plugin = {"resource": True, "name": "terraform-provider", "version": "1.1.0", "parameterization": parameter}
    found = dependency(InstalledPackage("pulumi-acme", "1.0.0", plugin))
    assert found
    assert found.name == "terraform-provider"
    assert (found.parameterization.name, found.parameterization.value) == ("acme", b"\x00raw")
