"""Whoever is told of alarms in the sandbox: takes every request, tells of it, and can be out of reach."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from offline.sandbox.internet.alerts import Alerts
from tests.support.serving import running


@contextmanager
def receiver() -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Both sides: for those who tell, and for those who look."""
    alerts = Alerts()
    with (
        running(alerts.application()) as told,
        running(alerts.control()) as heard,
        httpx.Client(base_url=told, timeout=60) as front,
        httpx.Client(base_url=f"{heard}/_sandbox", timeout=60) as side,
    ):
        yield front, side


def test_every_request_is_taken_and_told_until_it_is_to_be_forgotten() -> None:
    with receiver() as (front, side):
        assert front.get("/ping/0f6b?rid=1").status_code == 200
        front.post("/topic", content="The queue is ü", headers={"Title": "mail.club.example"})
        assert side.get("/alerts").json() == [
            {"method": "GET", "path": "/ping/0f6b?rid=1", "title": "", "body": ""},
            {"method": "POST", "path": "/topic", "title": "mail.club.example", "body": "The queue is ü"},
        ]
        side.delete("/alerts")
        assert side.get("/alerts").json() == []


def test_it_can_be_out_of_reach_and_back_again() -> None:
    with receiver() as (front, side):
        side.post("/alerts", json={"unreachable": True}).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            front.get("/ping")
        assert side.get("/alerts").json() == []
        side.post("/alerts", json={"unreachable": False}).raise_for_status()
        assert front.get("/ping").status_code == 200
        assert side.post("/alerts", json={"unreachable": "no"}).status_code == 400
