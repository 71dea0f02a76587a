"""Wrong answers of the clouds in the middle of a deploy: what passes is waited out, the rest is told and healed."""

from typing import Any

from tests.engine.conftest import DOMAIN, SECOND
from tests.support import clouds
from tests.support.stack import Stack

# Changes a record, and closes ports on both walls.
OTHER: dict[str, Any] = {
    "domains": [{"name": DOMAIN, "dmarc": {"policy": "quarantine"}}, {"name": SECOND}],
    "optionalPorts": [143],
}
SET_RULES = {"method": "POST", "path": "/actions/set_rules$"}


def test_what_passes_is_waited_out(deployed: Stack) -> None:
    with (
        deployed.other_settings(**OTHER),
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
            {**SET_RULES, "status": 429},
            {"method": "GET", "path": "/firewalls/", "status": 502},
        ),
    ):
        deployed.up()
        deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)
    assert "p=quarantine" in str(clouds.ask(f"_dmarc.{DOMAIN}", "TXT"))
    assert clouds.open_ports(deployed.outputs()["ipv4"], [110, 143], outside=True) == [143]


def test_what_does_not_pass_fails_the_deploy_and_the_next_one_heals_it(deployed: Stack) -> None:
    for answer in ({"status": 500}, {"status": 503}, {"cut": True}):  # the last is done, and not told
        with (
            deployed.other_settings(optionalPorts=[110]),
            clouds.faults(clouds.HETZNER, {**SET_RULES, **answer}),
        ):
            text = deployed.run("up", "--yes", "--skip-preview", "--stack", deployed.name, expect=1)
        assert "error:" in text
        assert "Firewall" in text
    deployed.up()
    assert clouds.open_ports(deployed.outputs()["ipv4"], [110, 143], outside=True) == [110, 143]
    deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)
