"""The VPS's stand-in for systemd, as far as unit files of others are concerned: reading, timing, running, saying so."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offline.sandbox.vps import enabled, systemctl, units
from offline.sandbox.vps.control import Answer
from offline.sandbox.vps.init import Init
from offline.sandbox.vps.timers import LastRun, Moment, Timer
from offline.sandbox.vps.times import calendar, span
from offline.sandbox.vps.unit_files import BadSettingError, Base, Command, service_file, timer_file
from offline.sandbox.vps.written import JobError, NotLoadedError, WrittenUnits

NOON = datetime(2026, 3, 11, 12, 0, 0, tzinfo=UTC)  # a Wednesday


# --- spans and calendar events


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10min", 600),
        ("1h", 3600),
        ("5s", 5),
        ("1h 30min", 5400),
        ("90", 90),
        ("2h30m", 9000),
        ("500ms", 0.5),
        ("0", 0),
    ],
)
def test_a_time_span_is_read_in_seconds(text: str, seconds: float) -> None:
    assert span(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-5s", "1h,30min"])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time span"):
        span(text)


@pytest.mark.parametrize(
    ("event", "elapses"),
    [
        ("hourly", "2026-03-11 13:00:00"),
        ("daily", "2026-03-12 00:00:00"),
        ("weekly", "2026-03-16 00:00:00"),
        ("monthly", "2026-04-01 00:00:00"),
        ("*-*-* 03:15:00", "2026-03-12 03:15:00"),
        ("*-*-* 12:00:00", "2026-03-12 12:00:00"),  # later than now, not now
        ("*-*-* 12:00:01 UTC", "2026-03-11 12:00:01"),
        ("03:15", "2026-03-12 03:15:00"),
        ("Mon..Fri 11:00", "2026-03-12 11:00:00"),
        ("Sat,Sun", "2026-03-14 00:00:00"),
        ("*-*-* *:0/15", "2026-03-11 12:15:00"),
        ("*-02-29", "2028-02-29 00:00:00"),
        ("2027-01-*", "2027-01-01 00:00:00"),
    ],
)
def test_a_calendar_event_elapses_next_when_systemd_says(event: str, elapses: str) -> None:
    assert calendar(event).after(NOON) == datetime.fromisoformat(elapses).replace(tzinfo=UTC)


def test_a_calendar_event_of_the_past_never_elapses() -> None:
    assert calendar("2020-01-01").after(NOON) is None


@pytest.mark.parametrize("event", ["", "now and then", "*-13-01", "25:00", "Foo 10:00", "*-*~1", "10:00 Europe/Rome"])
def test_what_is_no_known_calendar_event_is_refused(event: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        calendar(event)


# --- unit files

SERVICE = """\
# A comment
[Unit]
Description=Copies the mail
After=docker.service network-online.target

[Service]
Type=oneshot
Environment="WORDS=one two" PLACE=/srv
Environment=LEVEL=3
ExecStart=/bin/echo 'a b' $WORDS ${PLACE}/x %n 100%% $$HOME
ExecStart=-/bin/echo \\
    second
Nice=10
IOSchedulingClass=idle
TimeoutStartSec=1h 30min

[Install]
WantedBy=multi-user.target
"""


def test_a_service_file_says_what_is_run_and_how() -> None:
    service = service_file("copy.service", SERVICE)
    assert (service.description, list(service.after)) == (
        "Copies the mail",
        ["docker.service", "network-online.target"],
    )
    assert list(service.commands) == [
        Command(("/bin/echo", "a b", "one", "two", "/srv/x", "copy.service", "100%", "$HOME")),
        Command(("/bin/echo", "second"), may_fail=True),
    ]
    assert service.environment["LEVEL"] == "3"
    assert (service.oneshot, service.nice, service.io_class, service.timeout) == (True, 10, "idle", 5400)


def test_an_empty_value_takes_back_the_earlier_ones() -> None:
    service = service_file("a.service", "[Service]\nExecStart=/bin/false\nExecStart=\nExecStart=/bin/true\n")
    assert [command.words for command in service.commands] == [("/bin/true",)]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("Type=oneshot", "no ExecStart="),
        ("Type=notify\nExecStart=/bin/true", "Type=notify"),
        ("ExecStart=/bin/true\nUser=mail", "User="),
        ("ExecStart=/bin/true\nExecStart=/bin/true", "only oneshot"),
        ("ExecStart=/bin/date +%F", "specifier %F"),
        ("ExecStart=/bin/true\nNice=much", "Nice=much"),
        ("ExecStart=/bin/true 'open", "No closing quotation"),
        ("Type=oneshot\nExecStart=/bin/true\nTimeoutStartSec=long", "no time span"),
    ],
)
def test_a_service_that_cannot_run_as_its_file_says_is_refused_with_the_reason(lines: str, reason: str) -> None:
    with pytest.raises(BadSettingError, match=reason):
        service_file("a.service", f"[Service]\n{lines}\n")


def test_a_timer_file_says_when_which_service_is_started() -> None:
    timer = timer_file(
        "copy.timer",
        "[Timer]\nOnBootSec=5min\nOnUnitActiveSec=1h\nOnCalendar=daily\nRandomizedDelaySec=30s\nPersistent=yes\nAccuracySec=1s\n",
    )
    assert timer.service == "copy.service"
    assert list(timer.spans) == [(Base.BOOT, 300), (Base.UNIT_ACTIVE, 3600)]
    assert list(timer.events) == [calendar("daily")]
    assert (timer.randomized_delay, timer.persistent) == (30, True)
    assert timer_file("a.timer", "[Timer]\nOnBootSec=1\nUnit=b.service\n").service == "b.service"


@pytest.mark.parametrize("lines", ["", "OnBootSec=later", "OnCalendar=now and then", "OnBootSec=1\nPersistent=perhaps"])
def test_a_timer_that_cannot_be_read_is_refused(lines: str) -> None:
    with pytest.raises(BadSettingError):
        timer_file("a.timer", f"[Timer]\n{lines}\n")


# --- when timers elapse


def at(uptime: float) -> Moment:
    return Moment(uptime, NOON + timedelta(seconds=uptime))


def started(lines: str, uptime: float, *, run: LastRun | None = None, stamp: datetime | None = None) -> Timer:
    timer = Timer(timer_file("a.timer", f"[Timer]\n{lines}\n"), delay=lambda: 0.5)
    timer.start(at(uptime), stamp, run or LastRun())
    return timer


@pytest.mark.parametrize(
    ("lines", "elapses"),
    [
        ("OnBootSec=10min", 600),
        ("OnBootSec=10s", 10),  # long past: at once
        ("OnActiveSec=10s", 110),
        ("OnActiveSec=10s\nRandomizedDelaySec=20s", 120),
        ("OnActiveSec=10s\nOnBootSec=105", 105),
        ("OnUnitActiveSec=10s", None),
        ("OnCalendar=*-*-* 12:02:00", 120),
    ],
)
def test_a_timer_started_a_hundred_seconds_after_the_boot_first_elapses(lines: str, elapses: float | None) -> None:
    assert started(lines, 100).next_elapse == elapses


def test_a_timer_counts_on_from_when_its_service_last_began_or_ended() -> None:
    for lines, elapses in (("OnUnitActiveSec=60", 160), ("OnUnitInactiveSec=60", 180)):
        timer = started(f"OnActiveSec=0\n{lines}", 100)
        timer.trigger(at(100))
        assert timer.next_elapse is None  # while the service runs
        timer.plan(at(120), LastRun(100, 120))
        assert timer.next_elapse == elapses


def test_a_span_since_boot_or_start_elapses_once() -> None:
    timer = started("OnBootSec=10\nOnActiveSec=20", 100)
    timer.trigger(at(100))
    timer.plan(at(101), LastRun(100, 101))
    assert timer.next_elapse == 120
    timer.trigger(at(120))
    timer.plan(at(121), LastRun(120, 121))
    assert timer.next_elapse is None


def test_a_calendar_event_comes_again_and_a_missed_one_is_made_up_for_only_if_persistent() -> None:
    timer = started("OnCalendar=hourly", 100)
    timer.trigger(at(3600))
    timer.plan(at(3601), LastRun(3600, 3601))
    assert timer.next_elapse == 7200
    missed = started("OnCalendar=hourly", 100, stamp=NOON - timedelta(hours=3))
    assert missed.next_elapse is not None
    assert missed.next_elapse < 100


def test_a_timer_whose_file_changed_counts_by_the_new_one() -> None:
    timer = started("OnActiveSec=10min", 100)
    timer.reload(timer_file("a.timer", "[Timer]\nOnActiveSec=1min\n"), at(110), LastRun())
    assert timer.next_elapse == 160


# --- running them


class World:
    """A server's /etc/systemd/system, with a clock that goes when told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uptime = 0.0
        self.units = WrittenUnits(lambda: at(self.uptime), folder / "logs", folder / "stamps")

    def write(self, name: str, text: str) -> None:
        (units.SYSTEM / name).write_text(text)

    def oneshot(self, name: str, *commands: str, more: str = "") -> None:
        lines = "".join(f"ExecStart={command}\n" for command in commands)
        self.write(f"{name}.service", f"[Service]\nType=oneshot\n{lines}{more}")

    def pass_time(self, seconds: float) -> None:
        """The timers that elapse meanwhile start their services, which come to their end."""
        self.uptime += seconds
        self.units.trigger_due()

    def until(self, name: str, **properties: str) -> None:
        deadline = time.monotonic() + 60
        while not properties.items() <= self.units.properties(name).items():
            assert time.monotonic() < deadline, self.units.properties(name)
            time.sleep(0.01)

    def until_logged(self, name: str, text: str) -> None:
        deadline = time.monotonic() + 60
        while not (self.folder / f"logs/{name}.log").exists() or self.log(name) != text:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def log(self, name: str) -> str:
        return (self.folder / f"logs/{name}.log").read_text()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(units, "SYSTEM", tmp_path / "system")
    monkeypatch.setattr(units, "UNIT_FILES", tmp_path / "lib")
    for name in ("system", "lib", "logs"):
        (tmp_path / name).mkdir()
    (tmp_path / "lib/cron.service").write_text("[Install]\nWantedBy=multi-user.target\n")
    world = World(tmp_path)
    yield world
    world.units.stop_all()


def test_a_oneshot_runs_to_its_end_with_its_own_environment_and_its_output_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAKED", "1")
    world.oneshot(
        "a", "/bin/sh -c 'echo $$GREETING $$PWD $${LEAKED:-clean}; nice'", more="Environment=GREETING=hi\nNice=7\n"
    )
    world.units.start("a.service")
    assert world.log("a") == "hi / clean\n7\n"
    properties = world.units.properties("a.service")
    assert properties == {"ActiveState": "inactive", "SubState": "dead", "Result": "success", "ExecMainStatus": "0"}


@pytest.mark.parametrize(
    ("command", "more", "because", "result", "status"),
    [
        ("/bin/sh -c 'exit 3'", "", "the control process exited with error code", "exit-code", "3"),
        ("/no/such/program", "", "the control process exited with error code", "exit-code", "203"),
        ("/bin/sh -c 'kill -9 $$$$'", "", "a fatal signal was delivered to the control process", "signal", "9"),
        ("/bin/sleep 60", "TimeoutStartSec=200ms\n", "a timeout was exceeded", "timeout", "15"),
    ],
)
def test_a_oneshot_that_fails_says_why_and_runs_no_further_command(
    world: World, command: str, more: str, because: str, result: str, status: str
) -> None:
    world.oneshot("a", command, "/bin/echo never", more=more)
    with pytest.raises(JobError, match=rf"^Job for a\.service failed because {because}\.\nSee "):
        world.units.start("a.service")
    assert "never\n" not in world.log("a")
    world.until("a.service", ActiveState="failed", SubState="failed", Result=result, ExecMainStatus=status)


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("/bin/true", "success"),
        ("/bin/sh -c 'exit 3'", "exit-code"),
        ("/bin/sh -c 'kill -9 $$$$'", "signal"),
    ],
)
def test_what_comes_afterwards_is_run_however_the_service_ended_and_changes_nothing_of_that(
    world: World, command: str, result: str
) -> None:
    world.oneshot("a", command, more="ExecStopPost=/bin/echo afterwards\n")
    world.units.start("a.service", wait=False)
    world.until_logged("a", "afterwards\n")
    world.until("a.service", Result=result)


def test_what_comes_afterwards_is_run_to_its_end_when_the_service_is_stopped(world: World) -> None:
    world.oneshot(
        "a", "/bin/sh -c 'echo run; exec sleep 600'", more="ExecStopPost=/bin/sh -c 'sleep 0.2; echo afterwards'\n"
    )
    world.units.start("a.service", wait=False)
    world.until_logged("a", "run\n")
    world.units.stop("a.service")
    assert world.log("a") == "run\nafterwards\n"
    assert world.units.properties("a.service")["Result"] == "success"


@pytest.mark.parametrize("wait", [True, False])
def test_a_service_that_is_started_while_it_ends_runs_anew_when_it_has(world: World, wait: bool) -> None:
    again, on = world.folder / "again", world.folder / "on"
    afterwards = f"echo ends; touch {again}; until test -e {on}; do sleep 0.02; done"
    world.oneshot(
        "a",
        f"/bin/sh -c 'echo run; test -e {again} || kill -9 $$$$'",
        more=f"ExecStopPost=/bin/sh -c '{afterwards}'\n",
    )
    world.units.start("a.service", wait=False)
    world.until_logged("a", "run\nends\n")
    starting = threading.Thread(target=world.units.start, args=("a.service",), kwargs={"wait": wait})
    starting.start()
    time.sleep(0.2)  # what was started now would say so
    assert world.log("a") == "run\nends\n"
    on.touch()
    starting.join()
    world.until_logged("a", "run\nends\nrun\nends\n")
    world.until("a.service", ActiveState="inactive", Result="success")


def test_what_comes_afterwards_can_fail_a_service_that_did_well(world: World) -> None:
    world.oneshot("a", "/bin/true", more="ExecStopPost=/bin/false\n")
    with pytest.raises(JobError, match="exited with error code"):
        world.units.start("a.service")


def test_a_command_that_may_fail_stops_nothing(world: World) -> None:
    world.oneshot("a", "-/bin/false", "/bin/echo on")
    world.units.start("a.service")
    assert world.log("a") == "on\n"


def test_a_start_without_waiting_returns_while_the_service_runs_and_a_stop_ends_it(world: World) -> None:
    world.oneshot("a", "/bin/sh -c 'sleep 60 & sleep 60'")
    world.units.start("a.service", wait=False)
    assert world.units.properties("a.service")["ActiveState"] == "activating"
    world.units.stop("a.service")
    world.until("a.service", ActiveState="inactive", Result="success")


def test_a_simple_service_is_up_while_it_runs(world: World) -> None:
    world.write("a.service", "[Service]\nExecStart=/bin/sleep 60\n")
    world.units.start("a.service")
    world.until("a.service", ActiveState="active", SubState="running")
    world.units.stop("a.service")
    world.until("a.service", ActiveState="inactive", SubState="dead")


def test_a_changed_file_counts_after_a_reload_and_a_new_one_at_once(world: World) -> None:
    world.oneshot("a", "/bin/echo old")
    world.units.start("a.service")
    world.oneshot("a", "/bin/echo new")
    world.units.start("a.service")
    world.units.reload()
    world.units.start("a.service")
    assert world.log("a") == "old\nold\nnew\n"


def test_a_unit_without_a_file_is_not_found(world: World) -> None:
    for name in ("a.service", "a.timer"):
        with pytest.raises(NotLoadedError, match=rf"^Unit {name} not found\.$"):
            world.units.start(name)


def test_a_timer_starts_its_service_when_it_elapses_and_again_an_hour_later(world: World) -> None:
    world.oneshot("a", "/bin/echo run")
    world.write("a.timer", "[Timer]\nOnBootSec=5min\nOnUnitActiveSec=1h\n")
    world.units.start("a.timer")
    assert world.units.trigger_due() == 300
    waiting = {"ActiveState": "active", "SubState": "waiting", "Result": "success", "LastTriggerUSec": ""}
    assert world.units.properties("a.timer") == waiting
    world.pass_time(300)
    world.until("a.timer", SubState="waiting", LastTriggerUSec="Wed 2026-03-11 12:05:00 UTC")
    world.pass_time(3599)
    assert world.log("a") == "run\n"
    world.pass_time(1)
    world.until("a.timer", SubState="waiting", LastTriggerUSec="Wed 2026-03-11 13:05:00 UTC")
    assert world.log("a") == "run\nrun\n"


def test_a_timer_never_starts_a_service_that_still_runs(world: World) -> None:
    world.oneshot("a", "/bin/sh -c 'echo run; exec sleep 60'")
    world.write("a.timer", "[Timer]\nOnActiveSec=10\nOnUnitActiveSec=10\nOnCalendar=*:*:0/10\n")
    world.units.start("a.timer")
    world.units.start("a.service", wait=False)
    world.until_logged("a", "run\n")
    for _ in range(5):
        world.pass_time(10)
    assert world.units.properties("a.timer")["SubState"] == "running"
    world.until("a.service", ActiveState="activating")
    time.sleep(0.3)  # what was started now would have said so
    world.units.stop("a.service")
    assert world.log("a") == "run\n"
    world.until("a.timer", SubState="waiting")


def test_a_stopped_timer_starts_nothing(world: World) -> None:
    world.oneshot("a", "/bin/echo run")
    world.write("a.timer", "[Timer]\nOnActiveSec=1s\n")
    world.units.start("a.timer")
    world.units.stop("a.timer")
    world.pass_time(5)
    assert world.units.properties("a.timer")["ActiveState"] == "inactive"
    assert not (world.folder / "logs/a.log").exists()


def test_a_timer_that_cannot_be_read_or_has_no_service_does_not_start(world: World) -> None:
    world.write("a.timer", "[Timer]\nOnCalendar=now and then\n")
    with pytest.raises(JobError, match=r"^Failed to start a\.timer: Unit a\.timer has a bad unit file setting\.\n"):
        world.units.start("a.timer")
    world.write("b.timer", "[Timer]\nOnActiveSec=1s\n")
    with pytest.raises(JobError, match=r"^Job for b\.timer failed\."):
        world.units.start("b.timer")


def test_a_persistent_timer_makes_up_for_what_it_missed_while_the_machine_was_off(world: World) -> None:
    world.oneshot("a", "/bin/echo run")
    world.write("a.timer", "[Timer]\nOnCalendar=daily\nPersistent=true\n")
    world.units.start("a.timer")  # for the first time: nothing was missed
    assert world.units.trigger_due() > 0
    world.units.stop("a.timer")
    long_ago = (NOON - timedelta(days=2)).timestamp()
    os.utime(world.folder / "stamps/stamp-a.timer", (long_ago, long_ago))
    world.units.start("a.timer")
    world.units.trigger_due()
    world.until("a.timer", SubState="waiting", LastTriggerUSec="Wed 2026-03-11 12:00:00 UTC")


def test_enabled_timers_and_services_start_at_the_boot_each_after_what_it_names(world: World) -> None:
    install = "[Install]\nWantedBy=multi-user.target\n"
    for name, after in (("a", "b.service c.service"), ("b", "c.service"), ("c", "network.target")):
        command = f"/bin/sh -c 'echo {name} >>{world.folder}/order'"
        world.oneshot(name, command, more=f"[Unit]\nAfter={after}\n{install}")
        enabled.enable(units.SYSTEM / f"{name}.service")
    world.oneshot("idle", "/bin/false")
    world.write("t.timer", "[Timer]\nOnBootSec=1h\nUnit=a.service\n[Install]\nWantedBy=timers.target\n")
    enabled.enable(units.SYSTEM / "t.timer")
    world.units.boot(enabled.written())
    assert (world.folder / "order").read_text() == "c\nb\na\n"
    assert world.units.properties("t.timer")["SubState"] == "waiting"
    assert world.units.properties("idle.service")["Result"] == "success"


# --- what systemctl says of them


@pytest.fixture
def says(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Says":
    """A systemctl whose init is this process: its exit status, output and errors."""
    init = Init.__new__(Init)
    init.written = world.units

    def ask(verb: str, unit: str = "", *, wait: bool = True) -> Answer:
        return init.serve(verb, unit, wait=wait)

    def call(arguments: str) -> tuple[int, str, str]:
        status = systemctl.main(arguments.split())
        said = capsys.readouterr()
        return status, said.out, said.err

    monkeypatch.setattr(systemctl, "ask", ask)
    return call


Says = Callable[[str], tuple[int, str, str]]


def test_a_written_timer_is_enabled_and_started_and_both_undone(world: World, says: Says) -> None:
    world.oneshot("a", "/bin/true")
    world.write("a.timer", "[Timer]\nOnBootSec=1h\n[Install]\nWantedBy=timers.target\n")
    link = units.SYSTEM / "timers.target.wants/a.timer"
    assert says("is-enabled a.timer") == (1, "disabled\n", "")
    assert says("enable --now a.timer") == (0, "", f"Created symlink '{link}' → '{units.SYSTEM}/a.timer'.\n")
    assert says("is-enabled a.timer") == (0, "enabled\n", "")
    assert says("is-active a.timer") == (0, "active\n", "")
    assert says("status a.timer") == (0, "a.timer - a.timer\n     Active: active (waiting)\n", "")
    assert says("disable --now a.timer") == (0, "", f"Removed '{link}'.\n")
    assert says("is-active a.timer") == (3, "inactive\n", "")


def test_a_unit_without_an_install_section_is_static(world: World, says: Says) -> None:
    world.oneshot("a", "/bin/true")
    assert says("is-enabled a") == (0, "static\n", "")
    status, _, error = says("enable a")
    assert (status, error.startswith("The unit files have no installation config")) == (0, True)


def test_a_failed_start_is_told_with_the_hint_and_the_status_and_properties_say_so(world: World, says: Says) -> None:
    world.oneshot("a", "/bin/sh -c 'exit 4'")
    status, output, error = says("start a.service")
    assert (status, output) == (1, "")
    assert error == (
        "Job for a.service failed because the control process exited with error code.\n"
        f'See "systemctl status a.service" and "{world.folder}/logs/a.log" for details.\n'
    )
    assert says("is-active a") == (3, "failed\n", "")
    assert says("status a") == (3, "a.service - a.service\n     Active: failed (Result: exit-code)\n", "")
    assert says("show a -p ActiveState,Result,ExecMainStatus --value") == (0, "failed\nexit-code\n4\n", "")
    assert says("show a.service --property=Result --property=Unknown") == (0, "Result=exit-code\n", "")


def test_no_block_returns_at_once_and_a_missing_unit_is_still_told(world: World, says: Says) -> None:
    world.oneshot("a", "/bin/sleep 60")
    assert says("start --no-block a") == (0, "", "")
    assert says("is-active a") == (3, "activating\n", "")
    assert says("start --no-block b") == (5, "", "Failed to start b.service: Unit b.service not found.\n")
    assert says("stop a") == (0, "", "")
    assert says("is-active a") == (3, "inactive\n", "")


def test_daemon_reload_reads_the_files_anew(world: World, says: Says) -> None:
    world.oneshot("a", "/bin/false")
    assert says("start a")[0] == 1
    world.oneshot("a", "/bin/true")
    assert says("start a")[0] == 1
    assert says("daemon-reload") == (0, "", "")
    assert says("restart a") == (0, "", "")


def test_enabling_reads_the_files_anew_too(world: World, says: Says) -> None:
    world.oneshot("a", "/bin/false")
    assert says("start a")[0] == 1
    world.oneshot("a", "/bin/true", more="[Install]\nWantedBy=multi-user.target\n")
    assert says("enable --quiet --now a") == (0, "", "")


def test_the_properties_of_a_unit_that_is_not_there_are_those_of_one_at_rest(says: Says) -> None:
    assert says("show nothing -p ActiveState,Result") == (0, "ActiveState=inactive\nResult=success\n", "")
