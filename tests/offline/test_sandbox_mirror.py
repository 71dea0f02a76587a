"""The servers' package mirror, and how it fails on request."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import ClientError
from aiohttp.test_utils import TestClient, TestServer

from offline.sandbox.internet.packages import mirror


@pytest.mark.parametrize("fault", [{"status": 404}, {"cut": True}])
def test_the_mirror_serves_packages_and_fails_as_often_as_asked(tmp_path: Path, fault: dict[str, object]) -> None:
    (tmp_path / "nftables.deb").write_bytes(b"package")

    async def scenario() -> None:
        async with TestClient(TestServer(mirror(tmp_path))) as client:
            await client.post("/_sandbox/faults", json={"path": r"\.deb$", **fault})
            try:
                failed = (await client.get("/debian/nftables.deb")).status
            except ClientError:
                failed = 0
            assert failed == fault.get("status", 0)
            answer = await client.get("/debian/nftables.deb")
            assert (answer.status, await answer.read()) == (200, b"package")
            (rule,) = await (await client.get("/_sandbox/faults")).json()
            assert rule["used"] == 1

    asyncio.run(scenario())
