"""The backup of a stack with the default settings, in its Storage Box: made while mail flows, attacked, cut off, and
brought back. All mail that was acknowledged is there in the end.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from model.records import txt_value
from model.server_folders import BACKUP, DATA, RELAY
from offline.sandbox import world
from tests.engine.conftest import ADMIN, NAME
from tests.support import clouds
from tests.support.flow import Flow
from tests.support.lasting import assert_mail_goes_each_way, assert_the_mail_is_there, leave_a_mail
from tests.support.restic import restic
from tests.support.stack import Stack
from tests.support.watch import missing

UNIT = "poste-backup"


def status(stack: Stack) -> dict[str, Any]:
    """What the server has noted of its last backup."""
    found: dict[str, Any] = json.loads(stack.on_server(f"cat {BACKUP}/status.json"))
    return found


def snapshots(stack: Stack) -> list[dict[str, Any]]:
    """What there is, the newest first."""
    told = stack.mail("backup", "list", "--stack", NAME, "--json")
    found: list[dict[str, Any]] = json.loads(told.stdout)["snapshots"]
    return found


def whole(stack: Stack) -> list[str]:
    return [each["id"] for each in snapshots(stack) if "whole" in each["tags"]]


def verified(stack: Stack, only: str) -> dict[str, str]:
    """How checks end, by name; a server that had no time to answer is asked again."""

    def look() -> dict[str, str]:
        done = stack.mail("verify", "--only", only, "--json", "--stack", NAME)
        found = {result["check"]: result["status"] for result in json.loads(done.stdout)["results"]}
        assert "unknown" not in found.values(), done.stdout
        return found

    return clouds.eventually(look, 60)


def runs(stack: Stack) -> bool:
    return stack.on_server("docker inspect --format '{{.State.Running}}' poste").strip() == "true"


def test_a_nightly_run_while_mail_flows_keeps_it_away_for_seconds_and_loses_none(deployed: Stack) -> None:
    before = len(whole(deployed))
    with Flow(deployed) as flow:
        # As the timer does it.
        deployed.on_server(f"systemctl start {UNIT}.service")
        time.sleep(2)
    made = status(deployed)
    assert (made["result"], made["error"]) == ("done", "")
    assert 0 < made["away"] < 60
    assert len(whole(deployed)) == before + 1
    assert len(flow.acknowledged) > 5
    assert missing(deployed.mailbox, flow.acknowledged) == []
    assert verified(deployed, "backup.age,backup.size") == {"backup.age": "ok", "backup.size": "ok"}


def test_the_timer_runs_every_night_and_after_a_boot(deployed: Stack) -> None:
    at = deployed.setting("backup")["at"]
    assert f"OnCalendar=*-*-* {at}:00 UTC" in deployed.on_server(f"cat /etc/systemd/system/{UNIT}.timer")
    assert deployed.on_server(f"systemctl is-active {UNIT}.timer; systemctl is-enabled {UNIT}.timer").split() == [
        "active",
        "enabled",
    ]


def test_no_key_on_the_server_can_delete_a_backup(deployed: Stack) -> None:
    before = [each["id"] for each in snapshots(deployed)]
    settings = "/etc/poste-mail/backup"
    secrets = deployed.on_server(f"cat {settings}/settings.json {settings}/key")
    assert deployed.secret("backupKey").splitlines()[2] not in secrets
    ssh = f"ssh -p 23 -i {settings}/key -o UserKnownHostsFile={settings}/known_hosts -o BatchMode=yes"
    where = deployed.on_server(f"sed 's/.*\\[\\(.*\\)\\]:23.*/\\1/' {settings}/known_hosts").strip()
    user = where.partition(".")[0]
    attack = (
        "cd /opt/poste-mail && python3 - <<'E'\n"
        "from restic import Repository\n"
        "import subprocess\n"
        "repository = Repository.known()\n"
        f"for snapshot in {before!r}:\n"
        "    try:\n"
        "        print(repository.run('forget', snapshot, '--prune'))\n"
        "    except Exception as error:\n"
        "        print(error)\n"
        "E\n"
        f"timeout 10 {ssh} {user}@{where} rm -rf repo </dev/null | head -c 200 | wc -c\n"
        f"echo 'rm -r repo' | timeout 10 sftp -P 23 -i {settings}/key -o UserKnownHostsFile={settings}/known_hosts "
        f"-o BatchMode=yes -b - {user}@{where} 2>&1 | tail -1\n"
        "true"
    )
    deployed.on_server(attack)
    assert [each["id"] for each in snapshots(deployed)] == before
    deployed.on_server(f"systemctl start {UNIT}.service")
    assert status(deployed)["result"] == "done"


def test_a_mailbox_comes_back_into_a_folder_while_poste_runs(deployed: Stack) -> None:
    leave_a_mail(deployed, "deleted-by-mistake")
    deployed.on_server(f"systemctl start {UNIT}.service")
    assert deployed.mailbox().take_patiently("deleted-by-mistake") is not None
    told = deployed.mail("restore", "--mailbox", ADMIN, "--stack", NAME)
    assert told.returncode == 0, told.stderr
    user, _, domain = ADMIN.partition("@")
    where = f"{DATA}/domains/{domain}/{user}"
    assert "/.Restored" in deployed.on_server(f"grep -rl deleted-by-mistake {where}")
    assert set(deployed.on_server(f"grep -rlZ deleted-by-mistake {where} | xargs -0 stat -c %u").split()) == {"8"}
    assert "Restored" in deployed.on_server(f"docker exec poste doveadm mailbox list -u {ADMIN}")


def test_a_drill_proves_the_newest_backup_and_leaves_nothing(deployed: Stack) -> None:
    before = deployed.on_server("ls -A /mnt/poste; docker ps -aq | wc -l")
    assert verified(deployed, "backup.drill") == {"backup.drill": "warn"}
    told = deployed.mail("backup", "drill", "--stack", NAME)
    assert told.returncode == 0, told.stderr
    assert "the administrator signed in" in told.stdout
    assert deployed.on_server("ls -A /mnt/poste; docker ps -aq | wc -l") == before
    assert verified(deployed, "backup.drill") == {"backup.drill": "ok"}


def test_a_full_box_is_told_and_the_next_run_with_room_makes_up_for_it(deployed: Stack) -> None:
    last = status(deployed)["last_good"]["snapshot"]
    with clouds.box_trouble("full"):
        # As much as the box says that it has not.
        deployed.on_server(f"head -c 20M /dev/urandom >{DATA}/new-file")
        told = deployed.mail("backup", "run", "--stack", NAME)
        assert told.returncode == 1
        assert "full" in told.stderr
        assert runs(deployed)
        assert status(deployed)["last_good"]["snapshot"] == last
        assert verified(deployed, "backup.age") == {"backup.age": "warn"}
    deployed.on_server(f"rm {DATA}/new-file; systemctl start {UNIT}.service")
    assert status(deployed)["result"] == "done"


def test_an_unreachable_box_is_told_and_poste_never_stops_for_it(deployed: Stack) -> None:
    started = deployed.on_server("docker inspect --format '{{.State.StartedAt}}' poste")
    with clouds.box_trouble("unreachable"):
        told = deployed.mail("backup", "run", "--stack", NAME)
        assert told.returncode == 1
        assert "cannot be reached" in told.stderr
    assert deployed.on_server("docker inspect --format '{{.State.StartedAt}}' poste") == started
    assert deployed.mail("backup", "run", "--stack", NAME).returncode == 0


KILLS = {
    "in the first pass": "pgrep -f 'restic .*--tag liv[e]'",
    "while poste is being stopped": "! docker ps -q --filter name=^poste$ | grep .",
    "in the second pass": "pgrep -f 'restic .*--tag whol[e]'",
}
"""By moment, a command that succeeds in it."""


@pytest.mark.parametrize("moment", KILLS)
def test_a_backup_that_is_killed_leaves_poste_running_and_the_next_one_is_whole(deployed: Stack, moment: str) -> None:
    # Begun again now and then, should the moment have gone by between two looks.
    killed = (
        f"for i in $(seq 0 1999); do [ $((i % 200)) -ne 0 ] || systemctl start --no-block {UNIT}.service; "
        f"if {KILLS[moment]} >/dev/null; then pkill -9 -f 'backup.p[y] run'; pkill -9 restic; echo killed; exit; fi; "
        "sleep 0.02; done; echo never"
    )
    assert deployed.on_server(killed).strip() == "killed"
    clouds.eventually(lambda: runs(deployed), 120)
    with Flow(deployed) as flow:
        deployed.on_server(f"systemctl start {UNIT}.service")
    assert status(deployed)["result"] == "done"
    assert missing(deployed.mailbox, flow.acknowledged) == []


def test_after_ransom_the_mail_comes_back_from_the_snapshot_before(deployed: Stack) -> None:
    leave_a_mail(deployed, "kept-through-ransom")
    deployed.on_server(f"systemctl start {UNIT}.service")
    (good, *_older) = whole(deployed)
    keys = deployed.outputs()["domains"]
    # All files are overwritten where they are, and a backup of that is made.
    deployed.on_server(
        f"find {DATA} -type f -exec sh -c 'for f; do head -c 64 /dev/urandom >\"$f\"; done' sh {{}} + ;"
        f"systemctl start {UNIT}.service; true"
    )
    assert status(deployed)["result"] == "failed"
    assert "users.db" in status(deployed)["error"]
    assert good in whole(deployed)
    assert deployed.mail("restore", "--stack", NAME).returncode == 1  # over what is there only when told so
    told = deployed.mail("restore", "--snapshot", good, "--replace", NAME, "--stack", NAME)
    assert told.returncode == 0, told.stdout + told.stderr
    assert_the_mail_is_there(deployed, "kept-through-ransom")
    for key in keys.values():
        (answer,) = clouds.ask(key["dkimName"], "TXT")
        assert txt_value(answer) == key["dkimValue"]
    assert_mail_goes_each_way(deployed)
    deployed.on_server("rm -rf /mnt/poste/data.kept-*")
    deployed.run("preview", "--expect-no-changes", "--stack", NAME)


@pytest.mark.parametrize("moment", ["Restoring", "checked"])
def test_a_restore_that_is_killed_loses_nothing_and_can_be_run_again(deployed: Stack, moment: str) -> None:
    leave_a_mail(deployed, f"kept-through-a-killed-restore-{moment}")
    deployed.on_server(f"systemctl start {UNIT}.service")
    request = {
        "data": DATA, "container": "poste", "url": "https://127.0.0.1:443", "snapshot": "latest", "mailbox": None,
        "to": None, "sure": True, "folders": [DATA], "relay": RELAY,
    }  # fmt: skip
    wait = {"Restoring": "pgrep -x restic", "checked": "! docker ps -q --filter name=^poste$ | grep ."}[moment]
    deployed.on_server(
        # Written so that what is killed is the script, and not the shell that has its name in its own line.
        f"echo '{json.dumps(request)}' | setsid python3 /opt/poste-mail/restor?.py >/dev/null 2>&1 & "
        f"for i in $(seq 2000); do if {wait} >/dev/null; then pkill -9 -f 'restore.p[y]'; pkill -9 restic; exit 0; fi; "
        "sleep 0.01; done; exit 1"
    )
    clouds.eventually(lambda: runs(deployed), 120)
    told = deployed.mail("restore", "--replace", NAME, "--stack", NAME)
    assert told.returncode == 0, told.stdout + told.stderr
    assert_the_mail_is_there(deployed, f"kept-through-a-killed-restore-{moment}")
    deployed.on_server("rm -rf /mnt/poste/data.kept-*")


@pytest.fixture
def with_restic(tmp_path: Path) -> str:
    """A PATH with restic on it, as an operator has."""
    return restic(tmp_path)


def test_the_operator_gives_up_old_backups_and_keeps_what_can_be_read(deployed: Stack, with_restic: str) -> None:
    before = [each for each in snapshots(deployed) if "whole" in each["tags"]]
    told = deployed.mail("backup", "prune", "--stack", NAME, PATH=with_restic)
    assert told.returncode == 0, told.stdout + told.stderr
    # The last of today is kept, and of yesterday at midnight; restic keeps the oldest, too, as long as there are few.
    days: dict[str, str] = {}
    for each in before:
        days.setdefault(time.strftime("%F", time.gmtime(each["time"])), each["id"])
    last = list(days.values())
    assert whole(deployed) in (last, [*last, before[-1]["id"]])
    assert status(deployed)["last_good"]["snapshot"] == before[0]["id"]


def test_files_come_back_into_a_folder_on_the_server(deployed: Stack) -> None:
    told = deployed.mail("restore", "--to", "/root/look", "--stack", NAME)
    assert told.returncode == 0, told.stderr
    assert "users.db" in deployed.on_server("ls /root/look/data")
    assert deployed.on_server("cat /root/look/stack/Pulumi.engine.yaml") == deployed.config_file(NAME).read_text()
    assert "deployment" in deployed.on_server("head -c 2000 /root/look/stack/state.json")
    deployed.on_server("rm -rf /root/look")


def test_hetzners_api_and_the_box_hold_what_the_program_says(deployed: Stack) -> None:
    box: Any = clouds.hetzner().storage_boxes.get_by_name(f"poste-mail-{NAME}")
    assert box.protection == {"delete": True}
    assert box.access_settings.reachable_externally is False
    assert box.snapshot_plan.max_snapshots == 10
    # From this machine nobody gets in, whatever key he has.
    options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")
    flags = [part for option in options for part in ("-o", option)]
    there = f"{box.username}@{world.BOXES.ipv4}"
    done = subprocess.run(["ssh", "-p", "23", *flags, there, "ls"], capture_output=True, check=False, timeout=120)
    assert done.returncode != 0
