"""Wrong answers of the clouds in the middle of a deploy: what passes is waited out, the rest is told and healed."""

from collections.abc import Iterator

import pytest

from tests.engine import clouds
from tests.engine.conftest import DOMAIN
from tests.engine.stack import Stack

BEFORE = {"domains": [{"name": DOMAIN}], "optionalPorts": None}
# Changes a record, and closes a port on both walls.
AFTER = {"domains": [{"name": DOMAIN, "dmarc": {"policy": "quarantine"}}], "optionalPorts": [143]}


@pytest.fixture
def changing(deployed: Stack) -> Iterator[Stack]:
    """The stack, as it was again afterwards."""
    yield deployed
    deployed.configure(**BEFORE)
    deployed.up()


def test_what_passes_is_waited_out_in_the_middle_of_a_deploy(changing: Stack) -> None:
    changing.configure(**AFTER)
    with (
        clouds.faults(
            clouds.CLOUDFLARE,
            {"method": "PUT", "path": "/dns_records/", "status": 500},
            {"method": "PUT", "path": "/dns_records/", "status": 503},
            {"method": "PUT", "path": "/dns_records/", "status": 429},
            {"method": "PUT", "path": "/dns_records/", "cut": True},
            {"method": "GET", "path": "/zones", "delay": 2},
        ),
        clouds.faults(
            clouds.HETZNER,
            {"method": "POST", "path": "/actions/set_rules$", "status": 429},
            {"method": "GET", "path": "/server_types", "status": 502},
        ),
    ):
        changing.up()
    assert "p=quarantine" in str(clouds.ask(f"_dmarc.{DOMAIN}", "TXT"))
    changing.run("preview", "--expect-no-changes", "--stack", changing.name)


@pytest.mark.parametrize("answer", [{"status": 500}, {"status": 503}, {"cut": True}])
def test_what_does_not_pass_fails_the_deploy_and_the_next_one_heals_it(
    changing: Stack, answer: dict[str, object]
) -> None:
    changing.configure(optionalPorts=[143])
    with clouds.faults(clouds.HETZNER, {"method": "POST", "path": "/actions/set_rules$", **answer}):
        text = changing.run("up", "--yes", "--skip-preview", "--stack", changing.name, expect=None)
    assert "error:" in text
    assert "Firewall" in text
    changing.up()
    changing.run("preview", "--expect-no-changes", "--stack", changing.name)
    assert clouds.open_ports(changing.outputs()["ipv4"], [110, 143], outside=True) == [143]
