"""The drill of a restore: what it proves, what it notes, and that nothing of it stays."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.backup_server import BackupServer

ANN = {"ann@example.com": {"created": "2024-01-01T00:00:00+00:00", "redirect_to": []}}
MODEL = {
    "Image": "sha256:of-poste",
    "Config": {"Entrypoint": ["/bin/sh", "-c", "start"], "Cmd": None, "Env": ["HTTPS_PORT=8443"], "Hostname": "mail"},
}
DOCKER = """
case "$1 $2" in
  "container inspect") case "$*" in *poste-drill*) echo "${DRILL:-true} 4711";; *) cat model.json;; esac;;
  "run --detach") echo "$*" >>runs; cat volume/.drill/environment >>runs;;
  "rm --force") echo removed >>runs;;
  "logs --tail") echo "cannot open users.db";;
esac
"""
LIVE = "import json, drill; drill.inventory = lambda *_: json.loads(Path('live.json').read_text())"


@pytest.fixture
def server(tmp_path: Path) -> BackupServer:
    """One with a backup, whose restored Poste has the mailboxes in `restored.json`."""
    server = BackupServer(tmp_path)
    server.set_up()
    server.administrator = ("admin@example.com", "Of-The-Snapshot-1")
    server.message("2.second", "Subject: second\nContent-Transfer-Encoding: base64\n\nSGVsbG8=\n", inner="new")
    server.back_up()
    server.tool("docker", (server.folder / "tools/docker").read_text() + DOCKER)
    server.tool(
        "nsenter",
        '#!/bin/sh\necho "$*" >>entered; cat >asked\n[ ! -e late ] || { rm late; exit 1; }\ncat restored.json\n',
    )
    for name, told in (("model", [MODEL]), ("live", ANN), ("restored", ANN)):
        (server.folder / f"{name}.json").write_text(json.dumps(told))
    (server.folder / "events").unlink()
    return server


def drill(server: BackupServer, *, more: str = "", **told: Any) -> subprocess.CompletedProcess[str]:
    done = server.run("drill", more=f"{LIVE}; drill.NAP = 0; {more}", image=None, url="https://127.0.0.1:8443", **told)
    assert not (server.folder / "volume/.drill").exists()
    assert verdict(server) == json.loads(done.stdout)
    assert done.returncode == (verdict(server)["result"] == "failed")
    assert server.events == []
    return done


def verdict(server: BackupServer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((server.folder / "volume/backup/drill.json").read_text())
    return found


def runs(server: BackupServer) -> list[str]:
    file = server.folder / "runs"
    return file.read_text().splitlines() if file.exists() else []


def test_a_good_backup_is_proven_by_a_poste_that_has_its_mailboxes(server: BackupServer) -> None:
    (server.folder / "late").touch()
    done = drill(server)
    found = verdict(server)
    assert found["result"] == "done", done.stderr
    assert (found["boxes"], found["messages"], found["databases"]) == (1, 2, 1)
    assert found["snapshot"] == "00000002"
    assert found["error"] == ""


@pytest.mark.parametrize("known", [True, False])
def test_the_administrator_signs_in_as_the_snapshot_knows_him_and_else_as_the_server_does(
    server: BackupServer, known: bool
) -> None:
    if not known:
        next(server.folder.glob("repository/snapshots/00000002/**/administrator.json")).unlink()
    server.administrator = ("admin@example.com", "Of-Today-1")
    assert drill(server).returncode == 0
    asked = json.loads((server.folder / "asked").read_text())
    assert asked["administrator"] == ["admin@example.com", "Of-The-Snapshot-1" if known else "Of-Today-1"]


def test_the_poste_that_is_started_has_no_network_and_is_as_the_running_one_otherwise(server: BackupServer) -> None:
    drill(server)
    before, run, variable, *after = runs(server)
    assert (before, variable, after[0]) == ("removed", "HTTPS_PORT=8443", "removed")
    assert "--network none" in run
    assert "--publish" not in run
    assert "--hostname mail" in run
    assert f"source={server.folder}/volume/.drill{server.data},target=/data" in run
    assert run.endswith("--entrypoint /bin/sh sha256:of-poste -c start")
    assert (server.folder / "entered").read_text().startswith("--target 4711 --net ")


def test_another_image_can_be_tried(server: BackupServer) -> None:
    server.run("drill", more=LIVE, image="sha256:newer", url="https://127.0.0.1:8443")
    assert "sha256:newer -c start" in runs(server)[1]


def test_a_mailbox_that_is_missing_fails_and_one_that_is_newer_than_the_snapshot_does_not(
    server: BackupServer,
) -> None:
    newer = {"new@example.com": {"created": "2099-01-01T00:00:00+00:00"}}
    (server.folder / "live.json").write_text(json.dumps(ANN | newer))
    drill(server)
    assert verdict(server)["result"] == "done"
    bob = {"bob@example.com": {"created": "2024-01-01T00:00:00"}}
    (server.folder / "live.json").write_text(json.dumps(ANN | newer | bob))
    done = drill(server)
    assert "lacks mailboxes: bob@example.com" in done.stderr


def test_a_restored_poste_without_any_mailbox_fails(server: BackupServer) -> None:
    (server.folder / "restored.json").write_text("{}")
    (server.folder / "live.json").write_text("{}")
    assert "it has none" in drill(server).stderr


def test_a_message_that_is_none_fails_and_is_named(server: BackupServer) -> None:
    server.message("3.empty", "")
    server.back_up()
    (server.folder / "events").unlink()
    done = drill(server)
    assert "domains/example.com/ann/Maildir/cur/3.empty" in done.stderr
    assert runs(server) == ["removed", "removed"]


def test_a_poste_that_does_not_stay_up_fails_with_its_last_words(server: BackupServer) -> None:
    done = drill(server, more="os.environ['DRILL'] = 'false'")
    assert "cannot open users.db" in done.stderr
    assert runs(server)[-1] == "removed"


def test_a_poste_that_lets_nobody_in_fails_when_the_time_is_over(server: BackupServer) -> None:
    server.tool("nsenter", "#!/bin/sh\necho 'status 401' >&2; exit 1\n")
    done = drill(server, more="drill.DEADLINE = 0.2")
    assert "cannot sign in" in done.stderr
    assert "status 401" in done.stderr


def test_a_repository_without_a_whole_snapshot_fails(server: BackupServer) -> None:
    (server.folder / "repository/snapshots/00000002.json").unlink()
    assert "no snapshot yet" in drill(server).stderr


def test_too_little_space_fails_before_anything_is_restored(server: BackupServer) -> None:
    (server.folder / "size").write_text(str(10**16))
    assert "Raise volumeSize" in drill(server).stderr
    assert server.asked("restore") == []


def test_what_a_drill_that_was_killed_has_left_is_removed_by_the_next_one(server: BackupServer) -> None:
    server.hook("restore", "kill -9 $CALLER; exit 1\n")
    server.run("drill", more=LIVE, image=None, url="https://127.0.0.1:8443")
    assert (server.folder / "volume/.drill").exists()
    server.no_hooks()
    drill(server)
    assert verdict(server)["result"] == "done"
