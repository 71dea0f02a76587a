"""The server's way through a relay: asked first, set as text, taken by Poste, and given up again."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.relay_server import INI, PASSWORD, USER, Sender

BOTH_AGAIN = ["applied", "-r haraka-smtp", "-r haraka-submission"]


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    server = Sender(tmp_path)
    with server.relay.serving() as server.port:
        yield server


def with_route(sender: Sender, password: str = PASSWORD) -> str:
    """The settings of Poste with the route in them."""
    line = f'smtp_routes = "*:localhost;{sender.port}|{USER}|{password}"\n'
    return INI.replace("[routing]\n", f"[routing]\n{line}")


def written(file: Path) -> tuple[int, int]:
    """Which file it is, and when it was last written, in nanoseconds: reading changes neither."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns


def test_the_server_signs_in_as_the_mail_host_before_poste_takes_the_route(sender: Sender) -> None:
    done = sender.run()
    assert (done.status, done.told) == (0, {"route": f"localhost:{sender.port}", "changed": True})
    assert sender.relay.came == ["mail.example.com", "mail.example.com", USER]
    assert sender.text == with_route(sender)
    assert sender.calls == BOTH_AGAIN


def test_a_relay_that_speaks_tls_from_the_start_is_signed_in_to_so(sender: Sender) -> None:
    sender.relay.at_once = True
    assert sender.run().status == 0
    assert sender.relay.came == ["mail.example.com", USER]


def test_a_relay_that_knows_login_alone_is_signed_in_to(sender: Sender) -> None:
    sender.relay.methods = "LOGIN"
    assert sender.run().status == 0
    assert sender.relay.came[-1] == USER


def test_all_other_lines_owner_and_mode_of_postes_settings_stay(sender: Sender) -> None:
    os.chown(sender.settings, 8, 8)
    sender.run()
    kept = sender.settings.stat()
    assert (kept.st_uid, kept.st_gid, kept.st_mode & 0o777) == (8, 8, 0o660)
    assert sender.run("off").status == 0
    assert sender.text == INI


def test_settings_without_the_section_get_it_and_an_empty_route_is_filled(sender: Sender) -> None:
    bare = '[server]\nserver_hostname = "mail.example.com"'
    sender.settings.write_text(bare)
    sender.run()
    assert sender.text.startswith(f"{bare}\n\n[routing]\nsmtp_routes = ")
    sender.run("off")
    sender.settings.write_text("[routing]")
    sender.run()
    assert sender.text == f'[routing]\nsmtp_routes = "*:localhost;{sender.port}|{USER}|{PASSWORD}"\n'
    sender.run("off")
    sender.settings.write_text('[routing]\nsmtp_routes=""\nother = 1\n')
    sender.run()
    assert sender.text.splitlines()[1:] == [
        f'smtp_routes = "*:localhost;{sender.port}|{USER}|{PASSWORD}"', "other = 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        "smtp_routes = '*:old.example.net;587|u|p'",
        'smtp_routes = "*:old.example.net;587|u|p"  ; the old one',
        'smtp_routes = "*:old.example.net;587|u|p" # the old one',
        "smtp_routes=*:old.example.net;587|u|p",
        'smtp_routes = "partner.example:10.0.0.7;25"\n; between\nsmtp_routes = "*:old.example.net;587|u|p"',
        'smtp_routes = "*:old.example.net;587|u|p"\r',
    ],
)
def test_a_route_however_a_person_has_written_it_gives_way_and_none_is_left_beside(sender: Sender, lines: str) -> None:
    sender.settings.write_text(INI.replace("[routing]\n", f"[routing]\n{lines}\n"))
    assert sender.run().told == {"route": f"localhost:{sender.port}", "changed": True}
    assert sender.text.replace("; between\n", "") == with_route(sender)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"refuses": True, "echoes": True}, "refuses the sign-in of club: 535 no such account … ['…', '…']. Set"),
        ({"refuses": True, "code": 454}, "refuses the sign-in of club: 454 no such account. Try again later. Nothing"),
        ({"greeting": "421 4.7.0 Too many of you"}, "does not let anyone sign in: 421 4.7.0 Too many of you. Nothing"),
        ({"offers_tls": False}, "does not let anyone sign in: STARTTLS extension not supported by server"),
        ({"methods": "GSSAPI"}, "does not let anyone sign in: No suitable authentication method"),
    ],
)
def test_a_relay_that_refuses_ends_it_in_words_with_nothing_changed(
    sender: Sender, how: dict[str, object], why: str
) -> None:
    for name, value in how.items():
        setattr(sender.relay, name, value)
    done = sender.run()
    assert (done.status, why in done.errors, "Nothing was changed" in done.errors) == (1, True, True), done.errors
    assert "Traceback" not in done.errors
    assert (sender.text, sender.calls, (sender.folder / "relay").exists()) == (INI, [], False)


def test_a_relay_whose_certificate_is_for_another_name_gets_no_password(sender: Sender) -> None:
    done = sender.run(host="127.0.0.1")
    assert "does not prove its name" in done.errors
    assert (sender.text, sender.relay.came) == (INI, ["mail.example.com"])


def test_a_relay_that_nobody_reaches_is_told_with_host_and_port(sender: Sender) -> None:
    done = sender.run(port=1)
    assert done.status == 1
    assert "The relay localhost, port 1, does not let anyone sign in: [Errno 111] Connection refused." in done.errors


def test_only_of_a_relay_that_never_answers_on_465_the_block_is_told(sender: Sender) -> None:
    """One that answers with something else than TLS is not blocked."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = sender.run(port=silent.getsockname()[1], at_once=True)
    assert "timed out. Hetzner blocks 465 until it has been asked; 587 and 2525 are free." in done.errors
    done = sender.run(port=sender.port, at_once=True)
    assert "does not let anyone sign in" in done.errors
    assert "Hetzner" not in done.errors


def test_a_password_beyond_ascii_ends_in_words_that_hold_none_of_it(sender: Sender) -> None:
    """No setting holds one; Poste's own page may, and verify signs in with what it finds."""
    done = sender.run(password="Pässword")
    assert "cannot be told a user or password with other characters than ASCII's. Nothing was changed" in done.errors
    assert "Traceback" not in done.errors


def test_where_poste_has_no_settings_a_relay_ends_in_words_with_nothing_noted(sender: Sender) -> None:
    sender.settings.unlink()
    done = sender.run()
    assert f"Poste has no {sender.settings}, in which its routes stand. Nothing was changed." in done.errors
    assert ("Traceback" in done.errors, (sender.folder / "relay").exists()) == (False, False)
    assert sender.relay.came == []


def test_a_relay_is_given_up_where_the_settings_are_gone(sender: Sender) -> None:
    sender.run()
    sender.settings.unlink()
    sender.forget()
    assert sender.run("off").told == {"route": "", "changed": True}
    assert sender.calls == BOTH_AGAIN
    assert not (sender.folder / "relay/route.json").exists()


@pytest.mark.parametrize("arguments", [(), ("off",)])
def test_settings_that_cannot_be_written_are_told_in_words_and_the_next_run_goes_on(
    sender: Sender, arguments: tuple[str, ...]
) -> None:
    """As where the volume is full."""
    if arguments:
        sender.run()
    before = sender.text
    in_the_way = sender.settings.with_name(".server.ini.new")
    in_the_way.mkdir()
    done = sender.run(*arguments)
    assert "Poste's route could not be changed: [Errno 21] Is a directory" in done.errors
    assert ("Traceback" in done.errors, sender.text) == (False, before)
    in_the_way.rmdir()
    assert sender.run(*arguments).told["changed"]
    assert sender.text == (INI if arguments else with_route(sender))


def test_bytes_that_are_no_text_stay_in_postes_settings(sender: Sender) -> None:
    """As where a person's editor has left a comment in Latin-1."""
    before = INI.encode() + b"; caf\xe9\n"
    sender.settings.write_bytes(before)
    assert sender.run().told["changed"]
    assert sender.settings.read_bytes() == with_route(sender).encode() + b"; caf\xe9\n"
    assert sender.run("off").told["changed"]
    assert sender.settings.read_bytes() == before


def test_the_same_route_again_asks_nobody_and_restarts_nothing(sender: Sender) -> None:
    sender.run()
    sender.forget()
    sender.relay.refuses = True
    assert sender.run().told == {"route": f"localhost:{sender.port}", "changed": False}
    assert (sender.relay.came, sender.calls) == ([], [])


def test_another_password_is_tried_before_it_takes_the_place_of_the_former(sender: Sender) -> None:
    sender.run()
    sender.forget()
    assert sender.run(password="Another-One-10").status == 1
    assert (sender.text, sender.calls) == (with_route(sender), [])


@pytest.mark.parametrize("cut", ["put", "apply"])
def test_a_run_that_was_cut_off_is_finished_by_the_next(sender: Sender, cut: str) -> None:
    assert sender.run(cut=cut).status == 137
    assert sender.run().told["changed"]
    assert (sender.text, sender.calls) == (with_route(sender), BOTH_AGAIN)
    assert not sender.run().told["changed"]


@pytest.mark.parametrize("cut", ["put", "apply"])
def test_a_way_back_that_was_cut_off_is_finished_by_the_next(sender: Sender, cut: str) -> None:
    sender.run()
    sender.forget()
    assert sender.run("off", cut=cut).status == 137
    assert sender.run("off").told == {"route": "", "changed": True}
    assert (sender.text, sender.calls) == (INI, BOTH_AGAIN)


def test_a_route_that_a_person_has_set_since_is_left_alone(sender: Sender) -> None:
    sender.run()
    other = with_route(sender).replace(f"localhost;{sender.port}", "other.example.net;587")
    sender.settings.write_text(other)
    sender.forget()
    assert sender.run("off").told == {"route": "other.example.net:587", "changed": False}
    assert (sender.text, sender.calls) == (other, [])


def test_with_nothing_of_ours_to_give_up_nothing_is_touched_or_waited_for(sender: Sender) -> None:
    """So it can run in each deploy without a relay: while a backup is at work, and where Poste has no settings yet."""
    before = written(sender.settings)
    with (sender.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sender.run("off").told == {"route": "", "changed": False}
    assert (sender.text, written(sender.settings), sender.calls) == (INI, before, [])
    sender.settings.unlink()
    assert sender.run("off").told == {"route": "", "changed": False}
    assert not (sender.folder / "relay").exists()


def test_a_route_that_was_never_ours_is_not_taken_out(sender: Sender) -> None:
    sender.settings.write_text(with_route(sender))
    assert not sender.run("off").told["changed"]
    assert sender.text == with_route(sender)


def test_the_route_that_a_backup_has_brought_back_is_ours_again(sender: Sender) -> None:
    sender.settings.write_text(with_route(sender))
    assert not sender.run().told["changed"]
    assert sender.run("off").told["changed"]
    assert sender.text == INI


@pytest.mark.parametrize(
    "routes",
    ["partner.example:10.0.0.7;25|u|geheim", "*:a.example;587|u|geheim,partner.example:10.0.0.7;25|u|geheim"],
)
def test_routes_for_some_recipients_of_a_persons_are_not_replaced(sender: Sender, routes: str) -> None:
    text = INI.replace("[routing]\n", f'[routing]\nsmtp_routes = "{routes}"\n')
    sender.settings.write_text(text)
    done = sender.run()
    assert "routes for some recipients" in done.errors
    assert "geheim" not in done.errors
    assert (sender.text, sender.calls) == (text, [])


def test_what_is_noted_holds_no_password_and_is_roots_alone(sender: Sender) -> None:
    sender.run()
    note = sender.folder / "relay/route.json"
    assert (note.stat().st_mode & 0o777, note.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert set(json.loads(note.read_text())) == {"digest", "applied"}
    assert PASSWORD not in note.read_text()


@pytest.mark.parametrize("state", ["down (exitcode 1) 1 seconds", "up (pid 7) 300 seconds"])
def test_mail_servers_that_stay_away_or_never_ended_are_told(sender: Sender, state: str) -> None:
    (sender.folder / "state").write_text(f"{state}\n")
    done = sender.run()
    assert f"haraka-smtp does not come back ({state}). Why stands in /data/log/s6/haraka-smtp/current" in done.errors
    (sender.folder / "state").unlink()
    assert sender.run().told["changed"]


def test_of_a_script_of_postes_that_fails_nothing_is_shown_but_that(sender: Sender) -> None:
    (sender.folder / "broken").touch()
    done = sender.run()
    assert "20-apply-server-config fails" in done.errors
