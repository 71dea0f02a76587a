"""The script that lets deliveries end before a reboot, with small programs in the place of nft and ss."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

REMOTE = Path(__file__).parents[2] / "remote"
LINE = "0 0 [::ffff:198.51.100.7]:{port} 198.51.100.9:{other}"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Programs that note their input, and tell of the connections in a file; the second time of none."""
    for name, text in {
        "nft": 'cat >>"$FOLDER/rules"; echo "$*" >>"$FOLDER/calls"',
        "ss": 'echo "$*" >>"$FOLDER/asked"; cat "$FOLDER/open"; : >"$FOLDER/open"',
    }.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    return tmp_path


def drain(folder: Path, *connections: tuple[int, int], patience: float = 100) -> subprocess.CompletedProcess[str]:
    (folder / "open").write_text("".join(f"{LINE.format(port=port, other=other)}\n" for port, other in connections))
    set_up = f"drain.PATIENCE, drain.OPEN_AGAIN = {patience}, 1; drain.time.sleep = lambda _: None"
    code = f"import drain; {set_up}; drain.main()"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(REMOTE), "FOLDER": str(folder), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def test_no_new_delivery_begins_and_those_under_way_end_first(programs: Path) -> None:
    done = drain(programs, (25, 40_000), (587, 40_001), (993, 40_002), (40_003, 25))
    assert json.loads(done.stdout) == {"left": 0}, done.stderr
    assert "2 connections are still open" in done.stderr
    rules = (programs / "rules").read_text()
    assert "tcp dport { 25, 465, 587 } tcp flags & (syn | ack) == syn drop" in rules
    assert "established" in (programs / "asked").read_text()


def test_a_connection_that_does_not_end_holds_the_reboot_up_for_a_while_only(programs: Path) -> None:
    done = drain(programs, (25, 40_000), patience=0)
    assert json.loads(done.stdout) == {"left": 1}


def test_the_ports_open_again_should_there_be_no_reboot(programs: Path) -> None:
    drain(programs)
    deadline = time.monotonic() + 60
    while "delete table inet poste_drain" not in (programs / "calls").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_firewall_that_refuses_stops_the_reboot(programs: Path) -> None:
    (programs / "bin/nft").write_text("#!/bin/sh\necho 'Operation not permitted' >&2; exit 1\n")
    done = drain(programs)
    assert done.returncode == 1
    assert "Operation not permitted" in done.stderr
