"""What outlives the server, what survives a killed deploy, and what a destroy leaves."""

import shutil
import time
from email.message import EmailMessage

from tests.engine.conftest import DOMAIN
from tests.support import clouds
from tests.support.stack import Stack


def lasting(stack: Stack) -> dict[str, str]:
    """What must be the same before and after."""
    outputs = stack.outputs()
    return {key: str(outputs[key]) for key in ("ipv4", "ipv6", "domains")}


def leave_a_mail(stack: Stack, subject: str) -> None:
    """Send the administrator a mail, and see it arrive without taking it out of the inbox."""
    mailbox = stack.mailbox()
    message = EmailMessage()
    message["From"] = message["To"] = mailbox.address
    message["Subject"] = subject
    message.set_content("Still here?")
    mailbox.send(message)
    deadline = time.monotonic() + 30
    while not stack.on_server(f"grep -rl '{subject}' /mnt/poste/data/domains || true"):
        assert time.monotonic() < deadline, "the mail never arrived"
        time.sleep(0.5)


def assert_the_mail_is_there(stack: Stack, subject: str) -> None:
    mailbox = stack.mailbox()
    assert mailbox.wait_for(subject, 30)["To"] == mailbox.address


def assert_mail_goes_each_way(stack: Stack) -> None:
    """Mail goes out with SPF, DKIM and DMARC passing, and comes in, at the latest within a minute."""
    stack.python("operate", "verify", "--stack", stack.name, "--only", "mail", "--watch", "60")


def test_a_killed_deploy_heals_and_a_replaced_server_keeps_addresses_mail_and_key(deployed: Stack) -> None:
    before = lasting(deployed)
    servers = {server.id for server in clouds.hetzner().servers.get_all(name="poste-mail-engine")}
    leave_a_mail(deployed, "kept-while-the-server-is-replaced")
    clouds.slow_boot(5)
    deployed.killed_up("host-ready updating", "--replace", deployed.urn("Server", "server"))
    # What was on its way to being made in that moment is known to Hetzner alone.
    deployed.python("operate", "repair", "--stack", deployed.name, "--yes")
    deployed.up()
    assert lasting(deployed) == before
    now = {server.id for server in clouds.hetzner().servers.get_all(name="poste-mail-engine")}
    assert len(now) == 1
    assert now.isdisjoint(servers)
    assert_the_mail_is_there(deployed, "kept-while-the-server-is-replaced")
    assert_mail_goes_each_way(deployed)
    deployed.up("--expect-no-changes")


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
        running = clouds.eventually(lambda: deployed.on_server("docker ps --format '{{.Names}}'; echo ok"), 60)
        assert running == "ok\n"
        assert clouds.open_ports(deployed.outputs()["ipv4"], [25, 80, 443], outside=True) == []
    finally:
        server.power_off().wait_until_finished()
        volume.attach(server, automount=False).wait_until_finished()
        server.power_on().wait_until_finished()
    clouds.eventually(lambda: clouds.open_ports(deployed.outputs()["ipv4"], [443], outside=True), 60)


def test_a_container_that_was_removed_by_hand_comes_back_with_mail_and_signature(deployed: Stack) -> None:
    before = lasting(deployed)
    leave_a_mail(deployed, "kept-while-the-container-is-gone")
    deployed.on_server("docker rm -f poste")
    deployed.up("--refresh")
    assert lasting(deployed) == before
    assert_the_mail_is_there(deployed, "kept-while-the-container-is-gone")
    assert_mail_goes_each_way(deployed)


def test_errors_and_throttling_of_the_clouds_are_waited_out(deployed: Stack) -> None:
    clouds.fault(clouds.CLOUDFLARE, path="/dns_records", status=429, times=1)
    clouds.fault(clouds.HETZNER, path="/server_types", status=429, times=1)
    deployed.run("preview", "--expect-no-changes", "--stack", deployed.name)


def test_destroy_leaves_nothing_of_ours_and_everything_foreign(deployed: Stack) -> None:
    clouds.add_record(DOMAIN, f"www.{DOMAIN}", "A", "198.51.100.80")
    # As on a machine that has never run the program: no way into the server.
    shutil.rmtree(deployed.folder / ".state")
    deployed.run("destroy", "--yes", "--skip-preview", "--stack", deployed.name)
    assert clouds.zone_records(DOMAIN) == {(f"www.{DOMAIN}", "A", "198.51.100.80")}
    assert clouds.left_of("engine") == []
