"""All is lost but the backup and the settings: one deploy brings mail, keys and certificate back."""

import re
import time

from tests.engine.conftest import NAME
from tests.support import clouds
from tests.support.certificates import the_one
from tests.support.lasting import assert_mail_goes_each_way, assert_the_mail_is_there, leave_a_mail
from tests.support.poste_route import leave_a_route, routes
from tests.support.stack import Stack

RECOVERED = 600.0
"""Seconds that it may take on the sandbox; the restore itself takes as long as the mail is large."""


def lose_everything() -> None:
    """Delete server, volume and addresses, as somebody at Hetzner's console would."""
    client, title = clouds.hetzner(), f"poste-mail-{NAME}"
    server, volume = client.servers.get_by_name(title), client.volumes.get_by_name(title)
    assert server is not None
    assert volume is not None
    server.change_protection(delete=False, rebuild=False).wait_until_finished()
    server.power_off().wait_until_finished()
    volume.change_protection(delete=False).wait_until_finished()
    volume.detach().wait_until_finished()
    volume.delete()
    server.delete().wait_until_finished()
    for family in ("ipv4", "ipv6"):
        address = client.primary_ips.get_by_name(f"{title}-{family}")
        assert address is not None
        address.change_protection(delete=False).wait_until_finished()
        address.delete()


def test_a_new_server_gets_everything_from_the_backup_and_dkim_in_dns_stays(deployed: Stack) -> None:
    leave_a_mail(deployed, "kept-through-the-loss-of-all-else")
    # The backup is of a time with a relay, which the settings do not name any more.
    leave_a_route(deployed)
    assert deployed.mail("backup", "run", "--stack", NAME).returncode == 0
    before = deployed.outputs()
    records = {name: clouds.ask(name, "TXT") for name in (key["dkimName"] for key in before["domains"].values())}
    host = before["mailHost"]
    # Poste has just been stopped for the backup, and each of its ports comes back in its own time.
    certificate = clouds.eventually(lambda: the_one(before["ipv4"], host), 120)
    lose_everything()
    told = deployed.mail("repair", "--stack", NAME, "--yes")
    assert told.returncode == 0, told.stdout + told.stderr
    # Nothing is installed in the place of a backup that cannot be reached.
    with clouds.box_trouble("unreachable"):
        text = deployed.run("up", "--yes", "--refresh", "--run-program", "--stack", NAME, expect=1)
    assert re.search(r"backup-\w+: no SSH connection to u\d+@u\d+\.your-storagebox\.de", text)
    assert "Container poste creating" not in text
    began = time.monotonic()
    deployed.up()
    assert routes(deployed) == ""
    assert_the_mail_is_there(deployed, "kept-through-the-loss-of-all-else")
    assert time.monotonic() - began < RECOVERED
    after = deployed.outputs()
    assert after["domains"] == before["domains"]
    assert {name: clouds.ask(name, "TXT") for name in records} == records
    assert the_one(after["ipv4"], host) == certificate
    # Others have kept the old addresses for as long as the records said.
    clouds.forget_answers()
    assert_mail_goes_each_way(deployed)
    deployed.run("preview", "--expect-no-changes", "--stack", NAME)


def test_a_new_server_adds_to_the_same_backup(deployed: Stack) -> None:
    assert deployed.mail("backup", "run", "--stack", NAME).returncode == 0
    assert deployed.mail("backup", "drill", "--stack", NAME).returncode == 0
