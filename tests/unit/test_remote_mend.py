"""What `verify --fix` mends on the server, and what it leaves alone there."""

import fcntl
import json
from pathlib import Path

import pytest

from model.host_firewall import TABLE
from model.poste_container import CONTAINER
from tests.support.mend_server import DOWN, UP, MendServer


@pytest.fixture
def server(tmp_path: Path) -> MendServer:
    return MendServer(tmp_path)


def test_a_stopped_container_is_started(server: MendServer) -> None:
    server.stop()
    done = server.mend("container", CONTAINER)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"mended": True}), done.stderr
    assert server.engine.containers[0]["State"]["Running"]
    assert server.engine.changes == ["start poste"]


def test_a_container_that_is_gone_is_left_to_a_deploy(server: MendServer) -> None:
    server.engine.containers.clear()
    done = server.mend("container", CONTAINER)
    assert (done.returncode, done.stderr.strip()) == (1, "There is no container poste any more.")
    assert server.engine.changes == []


@pytest.mark.parametrize("what", ["container", "service"])
def test_what_another_one_has_stopped_is_left_to_it(server: MendServer, what: str) -> None:
    server.service("dovecot", DOWN)
    with (server.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("a backup, since 02:30")
        lock.flush()
        done = server.mend(what, {"container": CONTAINER, "service": "dovecot"}[what])
    assert done.returncode == 1
    assert "another one is at work: a backup, since 02:30" in done.stderr
    assert (server.engine.changes, server.calls) == ([], [])


def test_the_mark_of_a_backup_that_was_killed_goes_with_the_start_that_makes_up_for_it(server: MendServer) -> None:
    mark = server.folder / "stopped.json"
    mark.write_text(json.dumps({"container": CONTAINER, "stopped": True}))
    done = server.mend("container", CONTAINER)
    assert (done.returncode, mark.exists()) == (0, False), done.stderr
    assert server.calls == ["docker start poste"]


def test_a_service_that_is_down_comes_up(server: MendServer) -> None:
    server.service("dovecot", DOWN)
    server.service("nginx", UP)
    done = server.mend("service", "dovecot")
    assert done.returncode == 0, done.stderr
    assert server.calls == ["s6-svc -u dovecot"]


def test_a_service_that_does_not_stay_up_says_where_its_reason_stands(server: MendServer) -> None:
    server.service("dovecot", "up (pid 3) 0 seconds", broken=True)
    done = server.mend("service", "dovecot")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "dovecot does not stay up (up (pid 3) 0 seconds). Why stands in /data/log/s6/dovecot/current, in poste"
    )


def test_a_service_that_is_no_more_ends_in_the_supervisors_words(server: MendServer) -> None:
    done = server.mend("service", "elsewhere")
    assert done.returncode == 1
    assert "In the container poste: s6-svc: fatal" in done.stderr


def test_the_host_firewall_is_loaded_as_the_deploy_left_it_now_and_at_boot(server: MendServer) -> None:
    before = server.ruleset.read_text()
    done = server.mend("firewall", TABLE)
    assert done.returncode == 0, done.stderr
    assert server.calls == [f"nft --file {server.ruleset}", "systemctl enable nftables"]
    assert server.ruleset.read_text() == before


DEBIANS = "#!/usr/sbin/nft -f\n\nflush ruleset\n\ntable inet filter {\n\tchain input {\n\t}\n}\n"


@pytest.mark.parametrize("text", [DEBIANS, "", None, "flush ruleset\n{ours}", "{ours}table ip nat {\n}\n"])
def test_rules_that_are_not_the_deploys_are_not_loaded(server: MendServer, text: str | None) -> None:
    """Debian's own begin with a flush of everything, Docker's rules included."""
    if text is None:
        server.ruleset.unlink()
    else:
        server.ruleset.write_text(text.replace("{ours}", server.ruleset.read_text()))
    done = server.mend("firewall", TABLE)
    assert (done.returncode, server.calls) == (1, [])
    assert "is not as the deploy has written it" in done.stderr


def test_a_timer_runs_again_now_and_at_each_boot(server: MendServer) -> None:
    assert server.mend("timer", "poste-backup.timer").returncode == 0
    assert server.calls == ["systemctl enable poste-backup.timer", "systemctl start poste-backup.timer"]


def test_a_timer_that_was_never_made_is_left_to_the_deploy(server: MendServer) -> None:
    (server.folder / "units/poste-backup.timer").unlink()
    done = server.mend("timer", "poste-backup.timer")
    assert (done.returncode, server.calls) == (1, [])
    assert "There is no poste-backup.timer on the server: the deploy has to make it" in done.stderr


def test_a_timer_that_somebody_masked_ends_in_systemds_words(server: MendServer) -> None:
    (server.folder / "masked").touch()
    done = server.mend("timer", "poste-backup.timer")
    assert done.returncode == 1
    assert "systemctl enable poste-backup.timer failed: Unit poste-backup.timer is masked." in done.stderr
