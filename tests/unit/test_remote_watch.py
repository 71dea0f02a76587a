"""The watch on the server: what it sees, what it takes for an alarm, and whom it tells, and how often."""

import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.dkim_server import rsa
from tests.support.watched_server import ANN, BOB, DOMAIN, HOST, IMAGE, SECOND, WatchedServer

SHOWN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "support/watch_shown.json").read_text())
"""An example of what is shown, which the commands for people are tried on."""
DAY = 86400


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WatchedServer]:
    with closing(WatchedServer(tmp_path)) as found:
        yield found


def kinds(status: dict[str, Any]) -> list[str]:
    return [alarm["kind"] for alarm in status["alarms"]]


def test_a_server_that_is_well_raises_no_alarm_and_says_so_each_round(server: WatchedServer) -> None:
    assert server.round()["alarms"] == []
    assert server.round()["told"] == {"url": "ok", "ntfy": "ok", "webhook": "ok"}
    assert server.receiver.take() == [("GET", "/ping/0f6b", "", "")] * 2


def test_what_is_shown_has_the_form_of_the_example(server: WatchedServer) -> None:
    server.round()
    server.later(3700)
    server.round()
    server.memory(10)
    shown = server.show()

    def form(value: Any) -> Any:
        """The names in it, at each place."""
        if isinstance(value, dict):
            return {name: form(inner) for name, inner in value.items()}
        return [form(inner) for inner in value[:1]] if isinstance(value, list) else None

    free = ("days", "services", "dkim", "outgoing", "told")
    """Tables whose names are the server's own."""

    def without(found: dict[str, Any]) -> Any:
        return {
            name: None if name in free else dict.fromkeys(what) if isinstance(what, dict) else what
            for name, what in form(found).items()
        }

    assert without(shown) == without(SHOWN)
    assert shown["version"] == IMAGE
    assert shown["container"]["started"] == 1795585836
    assert shown["services"] == {"dovecot": True, "haraka-submission": True, "nginx": True}
    assert shown["dkim"] == {DOMAIN: "ok", SECOND: "ok"}
    assert [round(days) for days in shown["certificate"]["days"].values()] == [60, 60]
    assert round((shown["certificate"]["next"] - time.time()) / DAY) == 30
    assert shown["history"][0]["memory"] == 900 * 2**20


def test_showing_tells_nobody_and_changes_nothing(server: WatchedServer) -> None:
    server.round()
    server.receiver.take()
    before = (server.folder / "etc/watch/state.json").read_text()
    server.memory(10)
    assert kinds(server.show()) == ["memory"]
    assert server.receiver.take() == []
    assert (server.folder / "etc/watch/state.json").read_text() == before


def stuck(server: WatchedServer) -> None:
    server.thresholds["queue_length"] = 2
    for _ in range(3):
        server.waits()


def mended_queue(server: WatchedServer) -> None:
    for message in (server.data / "queue").iterdir():
        message.unlink()


def old(server: WatchedServer) -> None:
    server.waits(minutes=61)


def backed_up(server: WatchedServer, hours: int) -> None:
    server.note("backup", "status", result="failed", last_good={"at": time.time() - hours * 3600, "size": 1})


def silence(server: WatchedServer, *, silent: bool) -> None:
    for found in server.names.values():
        found.silent = silent


TROUBLE: dict[str, tuple[Any, Any, str, str, int]] = {
    "a long queue": (stuck, mended_queue, "queue", "3 messages wait to leave, more than 2", 1),
    "an old message": (old, mended_queue, "queue", "A message has waited to leave for 61 min, more than 60", 1),
    "little memory": (
        lambda server: server.memory(49), lambda server: server.memory(60), "memory",
        "49 MB of memory are free, less than 50", 2,
    ),
    "a container that stopped": (
        lambda server: server.container(Status="exited", Running=False),
        lambda server: server.container(Status="running"), "container",
        "The container of Poste does not run: it is exited", 2,
    ),
    "an unhealthy container": (
        lambda server: server.container(Status="running", Health={"Status": "unhealthy"}),
        lambda server: server.container(Status="running"), "container", "The container of Poste is unhealthy", 2,
    ),
    "a dead service": (
        lambda server: server.service("dovecot", "down (exitcode 1) 3 seconds, normally up"),
        lambda server: server.service("dovecot", "up (pid 9) 2 seconds"), "service",
        "Poste's service dovecot is down", 2,
    ),
    "a service that does not come up": (
        lambda server: server.service("nginx", "down (exitcode 1) 0 seconds, normally up, want up"),
        lambda server: server.service("nginx", "up (pid 9) 2 seconds"), "service", "Poste's service nginx is down", 2,
    ),
    "a stale backup": (
        lambda server: backed_up(server, 37), lambda server: backed_up(server, 1),
        "backup", "The last good backup is 37 h old, more than 36", 1,
    ),
    "a stale drill": (
        lambda server: server.note("backup", "drill", at=time.time() - 41 * DAY, result="done"),
        lambda server: server.note("backup", "drill", at=time.time(), result="done"),
        "drill", "The last good drill was 41 days ago, more than 40", 1,
    ),
    "a failed drill": (
        lambda server: server.note("backup", "drill", at=time.time(), result="failed"),
        lambda server: server.note("backup", "drill", at=time.time(), result="done"),
        "drill", "The last drill failed", 1,
    ),
    "another key in DNS": (
        lambda server: server.publish(SECOND, rsa()["public"]),
        lambda server: server.publish(SECOND, server.keys[SECOND]["public"]),
        "dkim", f"DKIM of {SECOND}: the key that signs is not the one in DNS", 2,
    ),
    "an old certificate": (
        lambda server: setattr(server, "days", 13.5), lambda server: setattr(server, "days", 80), "certificate",
        "13.5 days, less than 14.0", 1,
    ),
    "an expired certificate": (
        lambda server: setattr(server, "days", -1), lambda server: setattr(server, "days", 80), "certificate",
        "has expired", 1,
    ),
    "a renewal that is not served": (
        lambda server: server.note(
            "certificates", "status", tried=0, result="not served", error="", begins=0, ends=1),
        lambda server: server.note("certificates", "status", tried=0, result="issued", error="", begins=0, ends=1),
        "certificate", "The last renewal of the certificate: not served", 1,
    ),
    "name servers that do not answer": (
        lambda server: silence(server, silent=True), lambda server: silence(server, silent=False),
        "look", f"Could not look the DKIM key of {DOMAIN} up", 2,
    ),
    "an API that refuses": (
        lambda server: server.api.refuses.update({"GET": (403, "No")}), lambda server: server.api.refuses.clear(),
        "look", "Could not look at what mailboxes send", 2,
    ),
    "a Docker that does not answer": (
        lambda server: server.docker(answers=False), lambda server: server.docker(answers=True),
        "look", "Could not look at the container", 2,
    ),
    "a port that is shut": (
        lambda server: server.closed.add("dovecot"), lambda server: server.closed.clear(),
        "look", "Could not look at the certificate on port 1", 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TROUBLE)
def test_each_trouble_raises_its_own_alarm_alone_and_is_told_once_and_when_it_is_over(
    server: WatchedServer, name: str
) -> None:
    cause, mend, kind, text, rounds = TROUBLE[name]
    server.round()
    server.receiver.take()
    cause(server)
    for early in range(rounds - 1):
        assert server.round()["alarms"] == [], early
    found = server.round()["alarms"]
    assert {alarm["kind"] for alarm in found} == {kind}
    assert text in found[0]["text"]
    lines, line = (between.join(alarm["text"] for alarm in found) for between in ("\n", "; "))
    assert sorted(server.receiver.take())[rounds - 1 :] == [
        ("POST", "/hook/77", "", json.dumps({"text": f"{HOST}\n{lines}"})),
        ("POST", "/ping/0f6b/fail", "", line),
        ("POST", "/topic-of-ours", HOST, lines),
    ]
    assert {alarm["kind"] for alarm in server.round()["alarms"]} == {kind}
    assert server.receiver.take() == [("POST", "/ping/0f6b/fail", "", line)]
    mend(server)
    assert server.round()["alarms"] == []
    over = "\n".join(f"Over: {alarm['text']}" for alarm in found)
    assert sorted(server.receiver.take()) == [
        ("GET", "/ping/0f6b", "", ""),
        ("POST", "/hook/77", "", json.dumps({"text": f"{HOST}\n{over}"})),
        ("POST", "/topic-of-ours", HOST, over),
    ]
    server.round()
    assert server.receiver.take() == [("GET", "/ping/0f6b", "", "")]


def level(server: WatchedServer, queue: int, memory: int) -> None:
    mended_queue(server)
    for _ in range(queue):
        server.waits()
    server.memory(memory)


def test_what_wavers_about_its_limit_is_one_alarm_until_it_is_back_by_a_twentieth(server: WatchedServer) -> None:
    server.thresholds |= {"queue_length": 20, "memory_megabytes": 100}
    level(server, 21, 99)
    server.round()
    for queue, memory in ((20, 100), (21, 104), (20, 101)):
        level(server, queue, memory)
        assert kinds(server.round()) == ["memory", "queue"]
    assert [alarm["text"] for alarm in server.status["alarms"]] == [
        "101 MB of memory are free, still less than 105", "20 messages wait to leave, still more than 19",
    ]  # fmt: skip
    told = [body for _, path, _, body in server.receiver.take() if path == "/topic-of-ours"]
    assert len(told) == 2
    level(server, 19, 105)
    assert server.round()["alarms"] == []
    level(server, 20, 101)
    assert server.round()["alarms"] == []


def test_one_trouble_that_looks_different_each_round_is_an_alarm_in_the_second(server: WatchedServer) -> None:
    server.round()
    server.container(Status="running", Health={"Status": "unhealthy"})
    assert server.round()["alarms"] == []
    server.container(Status="running")
    server.service("dovecot", "down (exitcode 1) 3 seconds, normally up")
    assert kinds(server.round()) == ["service"]


def test_a_message_is_one_however_many_files_it_has_and_waits_since_it_came(server: WatchedServer) -> None:
    folder = server.data / "queue/input"
    folder.mkdir()
    for part in "DHJ":
        (folder / f"1vOabc-000000001Cd-0Ab1-{part}").write_text("")
    came = time.time() - 1800
    os.utime(folder / "1vOabc-000000001Cd-0Ab1-D", (came, came))
    queue = server.round()["queue"]
    assert (queue["messages"], round(queue["oldest"], -2)) == (1, 1800)


def test_a_message_counts_once_where_the_folders_of_the_queue_are_one(server: WatchedServer) -> None:
    (server.folder / "opt/haraka-submission").mkdir(parents=True)
    (server.folder / "opt/haraka-submission/queue").symlink_to(server.data / "queue")
    server.waits()
    assert server.round()["queue"]["messages"] == 1


def test_a_queue_that_is_nowhere_is_not_taken_for_an_empty_one(server: WatchedServer) -> None:
    (server.data / "queue").rmdir()
    server.round()
    assert [alarm["text"] for alarm in server.round()["alarms"]] == ["Could not look at the queue"]


def test_the_certificate_of_a_week_is_no_alarm_while_a_quarter_of_it_is_left(server: WatchedServer) -> None:
    server.days, server.lifetime = 3, 6
    assert server.round()["alarms"] == []
    server.days = 1
    assert kinds(server.round()) == ["certificate"]


def test_a_refused_renewal_is_an_alarm_only_when_time_runs_out(server: WatchedServer) -> None:
    server.note("certificates", "status", tried=0, result="refused", error="rateLimited", begins=0, ends=1)
    assert server.round()["alarms"] == []
    server.days = 20
    assert [alarm["text"] for alarm in server.round()["alarms"]] == ["The last renewal of the certificate: refused"]


def test_a_stack_without_certificate_and_backup_is_not_told_of_theirs(server: WatchedServer) -> None:
    server.backup = server.certificate = False
    server.days = -1
    for folder, name in (("backup", "status"), ("backup", "drill"), ("certificates", "status")):
        (server.folder / "volume" / folder / f"{name}.json").unlink()
    shown = server.round()
    assert (shown["alarms"], shown["backup"], shown["drill"]) == ([], None, None)


def test_before_the_first_backup_and_drill_their_time_counts_since_the_watch_began(server: WatchedServer) -> None:
    for name in ("status", "drill"):
        (server.folder / "volume/backup" / f"{name}.json").unlink()
    assert server.round()["alarms"] == []
    server.later(37 * 3600)
    assert kinds(server.round()) == ["backup"]
    server.later(41 * DAY)
    assert kinds(server.round()) == ["backup", "drill"]


def test_backups_that_are_turned_on_later_are_not_late_for_the_time_before(server: WatchedServer) -> None:
    server.backup = False
    server.round()
    server.later(60 * DAY)
    server.round()
    server.backup = True
    for name in ("status", "drill"):
        (server.folder / "volume/backup" / f"{name}.json").unlink()
    assert server.round()["alarms"] == []
    server.later(37 * 3600)
    assert kinds(server.round()) == ["backup"]


def test_what_docker_starts_again_by_itself_is_counted_for_a_day_and_a_deploys_start_is_not(
    server: WatchedServer,
) -> None:
    server.container(restarts=2, Status="running")
    assert server.round()["container"]["starts"] == 2
    (box,) = server.engine.containers
    box["Id"] = "f" * 64  # a deploy has made another one
    server.container(restarts=2, Status="running")
    assert server.round()["container"]["starts"] == 4
    server.container(restarts=0, Status="running")  # somebody has started it by hand
    server.round()
    server.container(restarts=1, Status="running")
    server.round()
    found = server.round()
    assert found["container"]["starts"] == 5
    assert [alarm["text"] for alarm in found["alarms"]] == [
        "Poste ended by itself and was started again 5 times in a day, more than 3"
    ]
    server.later(DAY)
    assert server.round()["container"]["starts"] == 0


def test_a_stolen_mailbox_is_noticed_within_the_hour_without_its_name_in_what_is_told(server: WatchedServer) -> None:
    server.sent(ANN, 300)  # in all of the day
    assert server.round()["outgoing"] == {}
    server.sent(ANN, 400)
    assert server.round()["outgoing"] == {ANN: 100}
    server.later(1800)
    server.sent(ANN, 501)
    found = server.round()
    assert found["outgoing"] == {ANN: 201}
    assert [alarm["text"] for alarm in found["alarms"]] == ["A mailbox sent 201 messages within an hour, more than 200"]
    assert not any("ann" in part for told in server.receiver.take() for part in told)
    server.later(1801)
    found = server.round()
    assert (found["outgoing"], found["alarms"]) == ({ANN: 101}, [])


def test_a_mailbox_of_any_name_is_counted(server: WatchedServer) -> None:
    names = [f"{local}@{DOMAIN}" for local in ("a/b", "o'neil", "a+b", "a%41", "a?b", "grüße", '"q q"')]
    for number, name in enumerate(names):
        server.api.add(name)
        server.api.stats[name] = {"2026-11-28": {"in": 0, "out": 1}}
        server.api.stats[DOMAIN] = {"2026-11-28": {"in": 0, "out": number}}
    server.round()
    for name in names:
        server.api.stats[name] = {"2026-11-28": {"in": 0, "out": 3}}
    server.api.stats[DOMAIN] = {"2026-11-28": {"in": 0, "out": 30}}
    found = server.round()
    assert (found["outgoing"], found["alarms"]) == (dict.fromkeys(names, 2), [])


def test_mailboxes_are_asked_about_only_where_their_domain_has_sent_something(server: WatchedServer) -> None:
    server.sent(ANN, 3)
    server.round()
    server.api.asked.clear()
    server.round()
    assert sorted(server.api.asked) == [f"/domains/{DOMAIN}/stats", f"/domains/{SECOND}/stats"]
    server.sent(ANN, 4)
    server.api.add(f"new@{DOMAIN}")
    server.api.stats[f"new@{DOMAIN}"] = {"2026-11-28": {"in": 0, "out": 7}}
    assert server.round()["outgoing"] == {ANN: 1, f"new@{DOMAIN}": 7}
    assert f"/boxes/all%40{DOMAIN}/stats" not in server.api.asked
    assert f"/boxes/{quote(BOB)}/stats" in server.api.asked


def test_a_new_day_of_poste_counts_from_nothing(server: WatchedServer) -> None:
    server.sent(ANN, 90)
    server.round()
    for name in (ANN, DOMAIN):
        server.api.stats[name] = {"2026-11-28": {"in": 2, "out": 95}, "2026-11-29": {"in": 1, "out": 4}}
    assert server.round()["outgoing"] == {ANN: 9}


def test_what_was_sent_while_nobody_looked_is_not_taken_for_one_hours_mail(server: WatchedServer) -> None:
    server.sent(ANN, 10)
    server.round()
    server.later(4 * 3600)
    server.sent(ANN, 410)
    assert server.round()["outgoing"] == {ANN: 100}


def test_the_history_has_a_line_an_hour_and_forgets_the_oldest(server: WatchedServer) -> None:
    server.sent(ANN, 10)
    server.round()
    server.sent(ANN, 17)
    server.waits()
    server.round()
    assert not (server.folder / "volume/watch/history.jsonl").exists()
    server.later(3600)
    server.sent(ANN, 18)
    server.round()
    file = server.folder / "volume/watch/history.jsonl"
    (line,) = [json.loads(text) for text in file.read_text().splitlines()]
    assert (line["in"], line["out"], line["queue"]) == (0, 8, 1)
    file.write_text("".join(f'{{"at": {number}}}\n' for number in range(90 * 24)))
    server.round()
    server.later(3600)
    server.round()
    history = server.show()["history"]
    assert (len(history), history[0]["at"], history[-1]["out"]) == (90 * 24, 1, 0)


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ({"status": 404}, "answers 404"),
        ({"status": 302}, "answers 302"),
        ({"silent": True}, "no answer in time"),
        ({"broken": True}, "gives no answer of HTTP (BadStatusLine)"),
    ],
)
def test_a_channel_that_cannot_be_reached_says_why_without_its_address(
    server: WatchedServer, trouble: dict[str, Any], why: str
) -> None:
    for name, value in trouble.items():
        setattr(server.receiver, name, value)
    done = server.call("run")
    assert server.status["told"] == {"url": why, "ntfy": "ok", "webhook": "ok"}  # these had nothing to say
    assert "0f6b" not in done.stdout + done.stderr + json.dumps(server.status)


def test_who_tells_says_its_name_on_every_channel(server: WatchedServer) -> None:
    """Cloudflare, which stands before Discord and others, turns away what calls itself Python's urllib."""
    server.memory(10)
    for _ in range(2):
        server.round()
    assert {path for _, path, _, _ in server.receiver.take()} >= {"/ping/0f6b", "/topic-of-ours", "/hook/77"}
    assert server.receiver.callers == {"poste-mail-watch"}


@pytest.mark.parametrize(
    ("address", "failing"),
    [
        ("/ping/0f6b/", "/ping/0f6b/fail"),
        ("/ping/0f6b?create=1", "/ping/0f6b/fail?create=1"),
        (
            "/api/push/0f6b?status=up&msg=OK&ping=",
            "/api/push/0f6b?status=down&msg=10+MB+of+memory+are+free%2C+less+than+50&ping=",
        ),
        ("/p/key/mail?state=complete", "/p/key/mail?state=fail&message=10+MB+of+memory+are+free%2C+less+than+50"),
    ],
)  # fmt: skip
def test_a_service_that_reads_the_state_in_the_address_gets_it_there(
    server: WatchedServer, address: str, failing: str
) -> None:
    server.heartbeat = {"url": address}
    server.round()
    assert [path for _, path, _, _ in server.receiver.take()] == [address]
    server.memory(10)
    for _ in range(2):
        server.round()
    assert server.receiver.take()[-1][1] == failing
    assert server.status["told"] == {"url": "ok"}


def test_a_dead_channel_is_told_on_the_others_and_delays_none(server: WatchedServer) -> None:
    server.heartbeat = {"url": "/ping/0f6b", "ntfy": "https://127.0.0.1:1/topic", "webhook": "/hook/77"}
    server.memory(10)
    for _ in range(3):
        server.round()
    text = "ntfy of the setting heartbeat could not be reached"
    assert kinds(server.status) == ["memory", "heartbeat"]
    got = server.receiver.take()
    assert [json.loads(body)["text"].splitlines()[1:] for _, path, _, body in got if path == "/hook/77"] == [
        ["10 MB of memory are free, less than 50"],
        [text],
    ]
    server.heartbeat = {"url": "/ping/0f6b", "ntfy": "/topic-of-ours", "webhook": "/hook/77"}
    server.round()
    server.round()
    got = server.receiver.take()
    # Of its own trouble it hears nothing, and of the rest what it missed.
    assert [body for _, path, _, body in got if path == "/topic-of-ours"] == ["10 MB of memory are free, less than 50"]
    assert [json.loads(body)["text"].splitlines()[1:] for _, path, _, body in got if path == "/hook/77"] == [
        [f"Over: {text}"]
    ]


def test_another_address_hears_what_the_former_one_has_heard(server: WatchedServer) -> None:
    server.memory(10)
    for _ in range(2):
        server.round()
    server.receiver.take()
    server.heartbeat = {"ntfy": "/another-topic", "webhook": "/hook/77"}
    server.round()
    assert server.receiver.take() == [("POST", "/another-topic", HOST, "10 MB of memory are free, less than 50")]
    assert server.status["told"] == {"ntfy": "ok", "webhook": "ok"}


@pytest.mark.parametrize("broken", ["", '{"began": 1', "\0\0", "null", "[]"])
def test_notes_that_cannot_be_read_do_not_end_the_watch(server: WatchedServer, broken: str) -> None:
    server.round()
    (server.folder / "etc/watch/state.json").write_text(broken)
    history = server.folder / "volume/watch/history.jsonl"
    history.write_text(f'{{"at": 1}}\n{broken}\n{{"at": 2}}\n')
    assert server.round()["alarms"] == []
    server.later(3600)
    server.round()
    assert [line["at"] for line in server.show()["history"]][:2] == [1, 2]


def test_notes_that_cannot_be_written_are_told_in_words(server: WatchedServer) -> None:
    """As where the server's own disk is full: the volume still has what there is to read."""
    server.round()
    (server.folder / "etc/watch/.state.json.new").mkdir()
    done = server.call("run")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "etc/watch, so the next round tells anew: [Errno 21] Is a directory" in done.stderr


def test_a_clock_that_is_set_back_keeps_no_alarm_and_no_history_waiting_for_its_return(server: WatchedServer) -> None:
    server.sent(ANN, 3)
    server.container(restarts=4, Status="running")
    server.round()
    server.sent(ANN, 300)
    server.round()
    server.memory(10)
    assert kinds(server.round()) == ["container", "outgoing"]
    server.later(-40 * DAY)
    found = server.round()
    assert (found["outgoing"], found["container"]["starts"]) == ({}, 0)
    assert [(alarm["kind"], alarm["since"]) for alarm in found["alarms"]] == [("memory", 0)]
    assert len(server.show()["history"]) == 1
    (server.folder / "volume/backup/status.json").unlink()
    server.later(37 * 3600)
    assert kinds(server.round()) == ["memory", "backup"]


def test_so_many_alarms_that_no_chat_takes_them_are_cut_and_counted(server: WatchedServer) -> None:
    server.heartbeat = {"ntfy": "/topic-of-ours", "webhook": "/hook/77"}
    for number in range(90):
        server.service(f"service-of-some-length-{number}", "down (exitcode 1) 3 seconds, normally up")
    for _ in range(2):
        server.round()
    bodies = {path: body for _, path, _, body in server.receiver.take()}
    lines = bodies["/topic-of-ours"].splitlines()
    assert len(bodies["/topic-of-ours"]) < 1600
    assert len(bodies["/hook/77"]) < 2000
    assert lines[-1] == f"and {90 - len(lines) + 1} more"
    server.round()
    assert server.receiver.take() == []


def test_who_shows_a_certificate_that_nobody_knows_is_told_nothing(server: WatchedServer) -> None:
    server.trusts = False
    assert server.round()["told"]["url"] == "its certificate is not trusted"
    assert server.receiver.take() == []


def test_a_look_that_never_ends_is_given_up_and_keeps_no_other_from_being_made(server: WatchedServer) -> None:
    server.patience = 12
    release, ended = server.folder / "release", server.folder / "ended"
    (server.folder / "tools/s6-svstat").write_text(
        f"#!/bin/sh\ntimeout 100 sh -c 'until [ -e {release} ]; do sleep 0.1; done'\ntouch {ended}\n"
    )
    server.memory(10)
    server.round()
    found = server.round()
    assert not ended.exists()
    release.touch()
    assert [alarm["text"] for alarm in found["alarms"]] == [
        "10 MB of memory are free, less than 50",
        "Could not look at the services",
    ]
    assert (found["services"], found["queue"]) == (None, {"messages": 0, "oldest": 0})


def test_a_volume_that_is_away_is_told_and_nothing_is_written_in_its_place(server: WatchedServer) -> None:
    server.data.rename(server.folder / "elsewhere")
    for _ in range(2):
        done = server.call("run")
        assert done.returncode == 0, done.stderr
    assert "Could not look at the volume" in server.receiver.take()[-1][3]
    left = {path.name for path in (server.folder / "volume").iterdir()}
    assert left == {"backup", "certificates"}


def test_a_full_volume_is_told_once_though_nothing_can_be_written_on_it(server: WatchedServer) -> None:
    server.thresholds["disk_percent"] = 0
    (server.folder / "volume/watch").write_text("no folder can be made here")
    for _ in range(2):
        assert server.call("run").returncode == 0
    got = server.receiver.take()
    assert [path for _, path, _, _ in got].count("/hook/77") == 1
    assert any("The volume is" in body for *_, body in got)


def test_a_deploy_starts_the_timer_and_keeps_the_addresses_from_all_but_root(server: WatchedServer) -> None:
    done = server.call()
    assert (done.returncode, json.loads(done.stdout)) == (0, {"watching": True}), done.stderr
    request = server.folder / "etc/watch/request.json"
    assert stat.S_IMODE(request.stat().st_mode) == 0o600
    assert "/ping/0f6b" in request.read_text()
    assert "OnUnitActiveSec=5min" in (server.folder / "units/poste-watch.timer").read_text()
    assert "watch.py run" in (server.folder / "units/poste-watch.service").read_text()
    assert (server.folder / "systemd").read_text().splitlines()[-3:] == [
        *("enable poste-watch.timer", "restart poste-watch.timer", "start --no-block poste-watch.service")
    ]


def test_the_end_takes_the_timer_and_the_addresses_and_leaves_what_was_seen(server: WatchedServer) -> None:
    server.call()
    server.round()
    assert server.call("stop").returncode == 0
    assert list((server.folder / "units").iterdir()) == list((server.folder / "etc/watch").iterdir()) == []
    assert (server.folder / "volume/watch/status.json").exists()
    assert stat.S_IMODE((server.folder / "volume/watch/status.json").stat().st_mode) == 0o600


def test_nothing_is_shown_where_nothing_is_watched_yet(server: WatchedServer) -> None:
    server.is_deployed = False
    done = server.call("show")
    assert done.returncode == 1
    assert done.stderr.strip() == "Nothing is watched on this server: the deploy has not come that far yet."
