"""The metadata service as a server of the sandbox finds it."""

import asyncio
import json
from collections.abc import Callable

from aiohttp.test_utils import TestClient, TestServer

from offline.sandbox.datacentre.hypervisor import Machine
from offline.sandbox.datacentre.machines.metadata import application

USER_DATA = "#cloud-config\nssh_pwauth: false\n"
MACHINE = Machine(42, "mail.club.example", "fsn1", 2, 4.0, "127.0.0.1", None, USER_DATA, ("ssh-ed25519 A",), ())


def answers(machine: Machine | None, *paths: str) -> list[tuple[int, str]]:
    """Status and text of each path, asked from 127.0.0.1, where only `machine` is."""

    async def ask() -> list[tuple[int, str]]:
        find: Callable[[str], Machine | None] = lambda address: machine if address == "127.0.0.1" else None  # noqa: E731
        async with TestClient(TestServer(application(find))) as client:
            found = []
            for path in paths:
                async with client.get(f"/hetzner/v1/{path}") as answer:
                    found.append((answer.status, await answer.text()))
            return found

    return asyncio.run(ask())


def test_a_server_reads_its_user_data_and_metadata_by_the_address_it_asks_from() -> None:
    user_data, everything, hostname, nothing = answers(
        MACHINE, "userdata", "metadata", "metadata/hostname", "metadata/nothing"
    )
    assert user_data == (200, USER_DATA)
    assert json.loads(everything[1])["instance-id"] == "42"
    assert hostname == (200, "mail.club.example")
    assert nothing[0] == 404


def test_who_is_no_server_learns_nothing() -> None:
    assert [status for status, _ in answers(None, "userdata", "metadata")] == [404, 404]
