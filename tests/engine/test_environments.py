"""Two environments share a Hetzner project and a zone; a protected one refuses to go; what exists is taken over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.ports import TABLE
from tests.engine.conftest import DOMAIN, NAME
from tests.support import clouds
from tests.support.stack import Stack

SECOND = f"staging.{DOMAIN}"


@pytest.fixture(scope="module")
def second(deployed: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An environment beside the first: the same project, the same zone, a sub-domain of its own."""
    clouds.remove_all_of("staging")
    stack = Stack(
        tmp_path_factory.mktemp("second"),
        "staging",
        mailHost=f"mail.{SECOND}",
        domains=[{"name": SECOND, "zone": DOMAIN}],
        adminAddress=f"admin@{SECOND}",
        backup=None,
    )
    stack.up()
    yield stack
    if clouds.left_of("staging"):
        stack.run("destroy", "--yes", "--skip-preview", "--stack", stack.name)


def test_the_second_environment_works_and_the_first_does_not_notice(deployed: Stack, second: Stack) -> None:
    deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)
    second.run("preview", "--expect-no-changes", "--stack", second.name)
    names = [port.number for port in TABLE]
    for stack in (deployed, second):
        clouds.until_open(stack.outputs()["ipv4"], [22, *names], set(names))
    assert deployed.outputs()["ipv4"] != second.outputs()["ipv4"]
    assert clouds.ask(SECOND, "MX") == {f"10 mail.{SECOND}."}


def test_a_protected_stack_refuses_to_be_destroyed_and_loses_nothing(deployed: Stack) -> None:
    before = clouds.left_of(NAME), clouds.zone_records(DOMAIN)
    text = deployed.run("destroy", "--yes", "--stack", deployed.name, expect=1)
    assert "cannot be deleted" in text
    assert "remove the `protect` flag" in text
    assert (clouds.left_of(NAME), clouds.zone_records(DOMAIN)) == before
    (server,) = clouds.hetzner().servers.get_all(name=f"poste-mail-{NAME}")
    assert server.protection == {"delete": True, "rebuild": True}
    with pytest.raises(Exception, match="protected"):
        server.delete()


def test_the_second_is_destroyed_on_purpose_and_the_first_stays_whole(deployed: Stack, second: Stack) -> None:
    second.run("destroy", "--yes", "--skip-preview", "--stack", second.name)
    assert clouds.left_of("staging") == []
    assert not any(SECOND in name for name, _, _ in clouds.zone_records(DOMAIN))
    deployed.run("preview", "--expect-no-changes", "--refresh", "--stack", deployed.name)
    assert clouds.ask(DOMAIN, "MX") == {f"10 mail.{DOMAIN}."}


def test_a_foreign_record_is_taken_over_with_the_printed_commands(sandbox: None, tmp_path: Path) -> None:
    zone = "takeover.example"
    clouds.add_zone(zone)
    domains = [{"name": zone}]
    stack = Stack(tmp_path, "takeover", mailHost=f"mail.{zone}", domains=domains, adminAddress=f"admin@{zone}")
    identifier = clouds.add_record(zone, zone, "MX", "mx.other.example")
    commands = [line.split()[1:] for line in stack.refused().splitlines() if line.strip().startswith("pulumi ")]
    for command in commands:
        stack.run(*[word.strip("'") for word in command], "--yes" if command[0] == "import" else "--non-interactive")
    preview = stack.run("preview", "--stack", stack.name)
    assert f"{zone}-mx" in preview
    assert "1 to update" in preview
    assert "to delete" not in preview
    assert clouds.zone_records(zone) == {(zone, "MX", "mx.other.example")}
    assert identifier in str(stack.resources())
