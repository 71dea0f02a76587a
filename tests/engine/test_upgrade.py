"""Poste in newer versions: one that works, one that does not, and what the deploy makes of each; no mail is lost."""

import json

import pytest

from model.records import txt_value
from tests.engine.conftest import NAME
from tests.support import clouds
from tests.support.flow import Flow
from tests.support.images import BROKEN, NEWER, digest
from tests.support.lasting import assert_mail_goes_each_way
from tests.support.stack import Stack
from tests.support.watch import missing


def pinned(image: str) -> str:
    return f"{image}@{digest(image)}"


def schema(stack: Stack) -> str:
    return stack.on_server(
        "python3 -c \"import sqlite3; print(sqlite3.connect('file:/mnt/poste/data/users.db?mode=ro', uri=True)"
        ".execute('PRAGMA user_version').fetchone()[0])\""
    ).strip()


def assert_keys_as_in_dns(stack: Stack) -> None:
    for key in stack.outputs()["domains"].values():
        (answer,) = clouds.ask(key["dkimName"], "TXT")
        assert txt_value(answer) == key["dkimValue"]


def test_a_newer_version_is_judged_by_what_it_does_and_taken(deployed: Stack) -> None:
    before = schema(deployed)
    with Flow(deployed) as flow:
        told = deployed.mail("upgrade", "--image", pinned(NEWER), "--stack", NAME)
    assert told.returncode == 0, told.stdout + told.stderr
    assert schema(deployed) != before
    assert deployed.setting("posteImage") == pinned(NEWER)
    tags = json.loads(deployed.mail("backup", "list", "--stack", NAME, "--json").stdout)["snapshots"]
    assert any("upgrade" in tag for snapshot in tags for tag in snapshot["tags"])
    assert missing(deployed.mailbox, flow.acknowledged) == []
    assert_keys_as_in_dns(deployed)
    deployed.run("preview", "--expect-no-changes", "--stack", NAME)


def test_a_version_that_lets_nobody_in_is_taken_back_with_the_databases_and_no_mail_is_lost(deployed: Stack) -> None:
    before = schema(deployed)
    with Flow(deployed) as flow:
        deployed.configure(posteImage=pinned(BROKEN))
        text = deployed.run("up", "--yes", "--skip-preview", "--stack", NAME, expect=1)
    assert "Poste 2.7.0 does not do what mail needs: IMAP does not let" in text
    assert "Poste 2.6.0 runs again" in text
    assert schema(deployed) == before
    assert missing(deployed.mailbox, flow.acknowledged) == []
    assert_keys_as_in_dns(deployed)
    assert_mail_goes_each_way(deployed)
    # It is not tried again, and nothing is touched.
    started = deployed.on_server("docker inspect --format '{{.State.StartedAt}}' poste")
    assert "is not tried again here" in deployed.run("up", "--yes", "--skip-preview", "--stack", NAME, expect=1)
    assert deployed.on_server("docker inspect --format '{{.State.StartedAt}}' poste") == started
    # Set back, the program has its container again.
    deployed.configure(posteImage=pinned(NEWER))
    deployed.up()
    assert "stopgap" not in deployed.on_server("docker inspect --format '{{json .Config.Labels}}' poste")
    assert_mail_goes_each_way(deployed)
    deployed.run("preview", "--expect-no-changes", "--stack", NAME)
    assert deployed.on_server("docker ps -aq | wc -l").strip() == "1"


def test_the_command_tries_no_refused_version_again_and_says_so_with_its_exit_status(deployed: Stack) -> None:
    told = deployed.mail("upgrade", "--image", pinned(BROKEN), "--stack", NAME)
    assert told.returncode == 1
    assert "runs, with all mail" in told.stderr
    assert deployed.setting("posteImage") == pinned(NEWER)
    deployed.run("preview", "--expect-no-changes", "--stack", NAME)


@pytest.mark.parametrize("moment", ["Container poste deleting", "Command poste-judged"])
def test_a_deploy_that_is_killed_in_an_upgrade_leaves_what_the_next_one_brings_to_its_end(
    deployed: Stack, moment: str
) -> None:
    deployed.on_server("rm -f /mnt/poste/upgrade/refused.json")
    deployed.configure(posteImage=pinned(BROKEN))
    deployed.killed_up(moment)
    deployed.configure(posteImage=pinned(NEWER))
    deployed.mail("repair", "--stack", NAME, "--yes")
    deployed.up()
    assert schema(deployed) == "2"
    assert_mail_goes_each_way(deployed)
    deployed.run("preview", "--expect-no-changes", "--stack", NAME)


def test_the_server_is_rebooted_when_no_mail_is_under_way_and_comes_back_whole(deployed: Stack) -> None:
    deployed.on_server("touch /var/run/reboot-required")
    with Flow(deployed) as flow:
        told = deployed.mail("reboot", "--stack", NAME)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "The server is back after" in told.stderr
    assert missing(deployed.mailbox, flow.acknowledged) == []
