"""How an installed Python package tells which plugin it needs."""

import pytest

from offline.toolchain.language_host.errors import LanguageHostError
from offline.toolchain.language_host.packages import dependency


def test_a_package_needs_the_plugin_its_description_names() -> None:
    found = dependency("pulumi_hcloud", {"resource": True, "name": "hcloud", "version": "9.9.9"})
    assert (found.kind, found.name, found.version) == ("resource", "hcloud", "v9.9.9")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"parameterization": {"name": "acme"}}, "name, parameterization, resource, version"),
        ({"server": "https://acme.example"}, "name, resource, server, version"),
    ],
)
def test_a_plugin_of_another_make_is_refused(more: dict[str, object], told: str) -> None:
    with pytest.raises(LanguageHostError, match=f"pulumi_acme describes one by {told};"):
        dependency("pulumi_acme", {"resource": True, "name": "acme", "version": "1.0.0", **more})
