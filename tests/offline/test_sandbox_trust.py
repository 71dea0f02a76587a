"""A server of the sandbox trusts its certificate authorities from its boot on, and boots without them, too."""

import socket
from pathlib import Path
from typing import NoReturn

import pytest

from offline.sandbox.vps import init
from offline.sandbox.world import AUTHORITY

ONE, TWO, THREE = (f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n" for name in "abc")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a boot runs; its trusted authorities are in a folder of their own."""
    found: list[str] = []
    monkeypatch.setattr(init, "TRUSTED", tmp_path)
    monkeypatch.setattr(init, "_call", lambda *command: found.append(" ".join(command)))
    return found


def boot(monkeypatch: pytest.MonkeyPatch, pem: str) -> None:
    """Boot, as far as trust goes, while the authorities say this."""
    monkeypatch.setattr(init, "_authorities", lambda: pem)
    init._trust_authorities()


def test_each_authority_has_its_file_and_those_that_are_no_more_go(
    commands: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, ONE + TWO)
    boot(monkeypatch, THREE)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"sandbox-0.crt": THREE}
    assert commands == ["update-ca-certificates"] * 2


def test_as_long_as_the_authorities_stay_the_same_a_boot_has_nothing_to_do(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        boot(monkeypatch, ONE + TWO)
    assert commands == ["update-ca-certificates"]


def test_a_boot_asks_both_families_and_goes_on_when_nobody_answers(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[tuple[str, int], float]] = []

    def refuse(address: tuple[str, int], timeout: float, *_: object) -> NoReturn:
        asked.append((address, timeout))
        raise OSError("nobody there")

    monkeypatch.setattr(socket, "create_connection", refuse)
    init._trust_authorities()
    assert [address for address, _ in asked] == [(AUTHORITY.ipv4, 80), (AUTHORITY.ipv6, 80)]
    assert sum(timeout for _, timeout in asked) < 60
    assert commands == []
