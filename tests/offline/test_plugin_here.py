"""Which endpoints a stand-in serves: this machine's and the sandbox's, and no others."""

import socket

import pytest

from offline.sandbox.world import GATEWAY
from offline.toolchain.plugins.common.here import ANYWHERE, require_host_here, require_url_here
from offline.toolchain.plugins.common.resource import ProviderError


def own_address() -> str:
    """An address of this machine that other machines see; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((GATEWAY.ipv4, 9))
        address: str = probe.getsockname()[0]
        return address


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "localhost",
        "LocalHost",
        "::ffff:127.0.0.1",
        "198.51.100.130",
        "2001:db8:100:7::1",
        "::ffff:198.51.100.1",
    ],
)
def test_loopback_and_the_sandboxs_networks_are_served(host: str) -> None:
    require_host_here("toy", host)


def test_the_addresses_of_this_machines_interfaces_are_served() -> None:
    require_host_here("toy", own_address())


@pytest.mark.parametrize(
    "host",
    [
        "api.hetzner.cloud",
        "localhost.example.com",
        "198.51.101.1",
        "2001:db8:101::1",
        "198.18.0.77",
        "8.8.8.8",
        "::ffff:8.8.8.8",
        "2606:4700::1111",
        "127.1",
        "0x7f000001",
        "127.0.0.1.",
        "",
        " 127.0.0.1",
        "224.0.0.1",
    ],
)
def test_other_addresses_and_names_that_may_be_anybodys_are_refused(host: str) -> None:
    with pytest.raises(ProviderError, match="stand-in for the toy plugin"):
        require_host_here("toy", host)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:47001/v1",
        "https://[::1]/",
        "http://localhost",
        "ssh://root@198.51.100.130:22",
        "127.0.0.1:2375",
        "unix:///var/run/docker.sock",
        "npipe:////./pipe/docker_engine",
    ],
)
def test_a_url_is_judged_by_its_host_and_a_file_of_this_machine_is_here(url: str) -> None:
    require_url_here("toy", url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.cloudflare.com/client/v4",
        "http://127.0.0.1@198.18.0.77/",
        "http://198.18.0.77\\@127.0.0.1/",
        "198.18.0.77:2375",
        "SSH://root@198.18.0.77",
        "http://[::1",
        "http://",
        "",
        "ssh://root:hunter2@",
        "/v1",
    ],
)
def test_a_url_that_leads_elsewhere_or_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ProviderError, match="stand-in for the toy plugin") as error:
        require_url_here("toy", url)
    assert "hunter2" not in str(error.value)


def test_the_refusal_is_one_sentence_that_says_what_to_do() -> None:
    with pytest.raises(ProviderError) as error:
        require_url_here("hcloud", "https://api.hetzner.cloud/v1")
    assert str(error.value) == (
        "this is a stand-in for the hcloud plugin, made for this machine and its sandbox, and api.hetzner.cloud is "
        "neither: install Pulumi's own CLI and plugin as offline/toolchain/README.md says (`./run` then uses them), "
        "or set POSTE_MAIL_STAND_INS_ANYWHERE=true if you do want a stand-in there"
    )


@pytest.mark.parametrize(("value", "served"), [("true", True), ("", False), ("false", False), ("1", False)])
def test_a_variable_made_for_it_lets_a_stand_in_serve_any_endpoint(
    monkeypatch: pytest.MonkeyPatch, value: str, served: bool
) -> None:
    monkeypatch.setenv(ANYWHERE, value)
    if served:
        require_host_here("toy", "198.18.0.77")
    else:
        with pytest.raises(ProviderError):
            require_host_here("toy", "198.18.0.77")
