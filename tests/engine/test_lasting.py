"""What outlives a reboot, a lost container and a missing volume, and what a destroy leaves."""

import shutil

from tests.engine.conftest import DOMAIN, FOREIGN, NAME, SECOND
from tests.support import clouds
from tests.support.lasting import assert_mail_goes_each_way, assert_the_mail_is_there, leave_a_mail
from tests.support.stack import Stack


def lasting(stack: Stack) -> dict[str, str]:
    """What must be the same before and after."""
    outputs = stack.outputs()
    return {key: str(outputs[key]) for key in ("ipv4", "ipv6", "domains")}


def test_a_rebooted_server_comes_back_whole(deployed: Stack) -> None:
    leave_a_mail(deployed, "kept-through-a-reboot")
    # As a service leaves them that is not stopped in order.
    deployed.on_server("docker exec poste touch /run/rsyslogd.pid")
    (server,) = clouds.hetzner().servers.get_all(name="poste-mail-engine")
    server.reboot().wait_until_finished()
    assert_the_mail_is_there(deployed, "kept-through-a-reboot")
    assert "rsyslogd.pid" not in deployed.on_server("docker exec poste ls /run")
    assert "policy drop" in deployed.on_server("nft list table inet mail_host")
    assert_mail_goes_each_way(deployed)


def test_poste_does_not_start_without_its_volume_and_so_offers_nobody_its_installer(deployed: Stack) -> None:
    (server,) = clouds.hetzner().servers.get_all(name="poste-mail-engine")
    volume = clouds.hetzner().volumes.get_by_name("poste-mail-engine")
    assert volume is not None
    server.power_off().wait_until_finished()
    volume.detach().wait_until_finished()
    server.power_on().wait_until_finished()
    try:
        running = clouds.eventually(lambda: deployed.on_server("docker ps --format '{{.Names}}'; echo ok"), 180)
        assert running == "ok\n"
        assert clouds.open_ports(deployed.outputs()["ipv4"], [25, 80, 443], outside=True) == []
    finally:
        server.power_off().wait_until_finished()
        volume.attach(server, automount=False).wait_until_finished()
        server.power_on().wait_until_finished()
    clouds.eventually(lambda: clouds.open_ports(deployed.outputs()["ipv4"], [443], outside=True), 180)


def test_a_container_that_was_removed_by_hand_comes_back_with_mail_and_signature(deployed: Stack) -> None:
    before = lasting(deployed)
    leave_a_mail(deployed, "kept-while-the-container-is-gone")
    deployed.on_server("docker rm -f poste")
    deployed.up("--refresh")
    assert lasting(deployed) == before
    assert_the_mail_is_there(deployed, "kept-while-the-container-is-gone")
    assert_mail_goes_each_way(deployed)


def test_a_destroy_changes_nothing_while_the_parent_vouches_for_the_zone(deployed: Stack) -> None:
    clouds.tell_registrar(DOMAIN, deployed.outputs()["dnssec"][DOMAIN].partition(" DS ")[2])
    deployed.configure(protect=False)
    deployed.up()
    before = clouds.zone_records(DOMAIN)
    text = deployed.run("destroy", "--yes", "--skip-preview", "--stack", deployed.name, expect=1)
    assert "ZoneDnssec" in text
    assert "cannot be deleted" in text
    assert clouds.zone_records(DOMAIN) == before
    assert_mail_goes_each_way(deployed)


def test_destroy_leaves_nothing_of_ours_and_everything_foreign(deployed: Stack) -> None:
    clouds.tell_registrar(DOMAIN, None)
    deployed.configure(protect=False)
    deployed.up()
    # As on a machine that has never run the program: no way into the server.
    shutil.rmtree(deployed.folder / ".state")
    deployed.run("destroy", "--yes", "--skip-preview", "--stack", deployed.name)
    assert clouds.zone_records(DOMAIN) == FOREIGN
    assert clouds.zone_records(SECOND) == set()
    # The backup is kept, for whoever destroyed the wrong stack.
    assert clouds.left_of(NAME) == [f"Storage Box poste-mail-{NAME}"]
    assert f"The Storage Box poste-mail-{NAME}" in deployed.refused()
