"""The DKIM keys on the server that take turns: made, waited for, switched to, given up; cut off anywhere."""

import json
import re
import shutil
import time
from pathlib import Path

import pytest

from tests.support.dkim_server import DOMAIN, OLD, DkimServer, rsa, write_key

DAY = 86400


@pytest.fixture
def server(tmp_path: Path) -> DkimServer:
    return DkimServer(tmp_path)


def published(server: DkimServer, rotation: int = 1) -> str:
    """The selector of the next key, made and in all of the zone's servers."""
    key = server.keys(rotation).told["keys"][str(rotation)]
    server.publish(key["selector"], key["public_key"])
    return str(key["selector"])


def due(server: DkimServer) -> str:
    """The selector of the next key, which may be switched to now."""
    selector = published(server)
    assert server.switch().told["phase"] == "waiting"
    server.noted(served=time.time() - 3601)
    return selector


def switched(server: DkimServer) -> str:
    """The selector of the next key, which signs."""
    selector = due(server)
    assert server.switch().told["phase"] == "signing"
    return selector


# Keys


def test_without_a_rotation_postes_key_is_told_and_nothing_is_made(server: DkimServer) -> None:
    told = server.keys(0).told
    assert (told["active"], told["keys"]["0"]["selector"], set(told["keys"])) == (0, OLD, {"0"})
    assert not server.shelf.exists()


def test_the_next_key_is_made_once_and_stays_on_the_server_for_root_alone(server: DkimServer) -> None:
    told = server.keys().told
    assert (told["active"], told["keys"]["0"]["selector"]) == (0, OLD)
    assert told["keys"]["1"]["selector"] > OLD
    assert server.keys().told["keys"] == told["keys"]
    (file,) = server.shelf.glob("*.json")
    assert (file.stat().st_mode & 0o777, server.shelf.stat().st_mode & 0o777) == (0o600, 0o700)
    assert server.selector == OLD


def test_a_selector_is_greater_than_the_one_before_even_where_that_is_of_tomorrow(server: DkimServer) -> None:
    key = rsa()
    write_key(server.key_folder, "s20991231998", key["private"], key["public"])
    assert server.keys().told["keys"]["1"]["selector"] == "s20991231999"


def test_a_key_that_was_being_made_when_the_deploy_was_killed_is_the_one_that_is_told(server: DkimServer) -> None:
    assert server.keys(cut="shelf.make").status == 137
    kept = json.loads((server.shelf / "1.json").read_text())
    assert server.keys().told["keys"]["1"]["selector"] == kept["selector"]


def test_the_key_of_a_domain_that_came_later_counts_for_the_rotation_of_then(server: DkimServer) -> None:
    told = server.keys(3, first=3).told
    assert (told["active"], told["keys"]) == (3, {"3": server.keys(0).told["keys"]["0"]})
    assert set(server.keys(4, first=3).told["keys"]) == {"4", "3"}


def test_a_key_made_anew_in_poste_while_the_next_one_waits_is_the_former_one(server: DkimServer) -> None:
    server.keys()
    key = rsa()
    write_key(server.key_folder, "s20261101001", key["private"], key["public"])
    assert server.keys().told["keys"]["0"]["selector"] == "s20261101001"


# The switch


def test_a_key_that_one_name_server_lacks_is_not_signed_with(server: DkimServer) -> None:
    key = server.keys().told["keys"]["1"]
    server.publish(key["selector"], key["public_key"], "127.0.0.1")
    told = server.switch().told
    assert told["phase"] == "waiting"
    assert "ns2.other.net (127.0.0.2) serves 0 other records" in told["why"]
    assert "ns1" not in told["why"]
    assert told["due"] <= time.time() + 1
    assert (server.selector, server.calls) == (OLD, [])


def test_a_name_server_that_is_silent_or_serves_another_key_is_waited_for(server: DkimServer) -> None:
    selector = published(server)
    server.publish(selector, "AAAA", "127.0.0.2")
    assert "ns2.other.net (127.0.0.2) serves 1 other records" in server.switch().told["why"]
    server.names["127.0.0.2"].silent = True
    assert "ns2.other.net (127.0.0.2) does not answer" in server.switch().told["why"]


def test_the_key_signs_one_ttl_after_all_name_servers_had_it_and_not_before(server: DkimServer) -> None:
    published(server)
    before = time.time()
    told = server.switch().told
    assert (told["phase"], told["why"]) == ("waiting", "")
    assert before + 3600 <= told["due"] <= time.time() + 3601
    assert server.switch().told["due"] == told["due"]
    assert (server.selector, server.calls) == (OLD, [])


def test_a_record_that_goes_again_has_to_be_waited_for_anew(server: DkimServer) -> None:
    selector = due(server)
    for name_server in server.names.values():
        del name_server.records[(f"{selector}._domainkey.{DOMAIN}", "TXT")]
    assert server.switch().told["why"]
    published(server)
    told = server.switch().told
    assert told["phase"] == "waiting"
    assert told["due"] > time.time() + 3500


def test_the_switch_replaces_all_three_files_while_the_signers_are_down_and_both_sign_with_it(
    server: DkimServer,
) -> None:
    before = {file: (server.key_folder / file).stat() for file in ("private", "public", "selector")}
    selector = due(server)
    told = server.switch().told
    assert (told["phase"], told["rotation"]) == ("signing", 1)
    assert abs(told["due"] - told["since"] - 7 * DAY) <= 1
    assert (server.selector, server.signing) == (selector, [selector] * 2)
    downs = [call.split()[0] for call in server.calls]
    assert downs == ["-d", "-d", "-u", "-u"]
    for file, stat in before.items():
        now = (server.key_folder / file).stat()
        assert (now.st_mode, now.st_uid, now.st_gid) == (stat.st_mode, stat.st_uid, stat.st_gid)
    # The container's note of what its signers know is of the new key, so that nothing restarts them again.
    assert (server.folder / "known").read_text()
    assert not list(server.key_folder.glob(".*"))
    assert server.keys().told["active"] == 1


def test_what_is_left_to_wait_for_a_minute_is_waited_for_in_place(server: DkimServer) -> None:
    selector = published(server)
    done = server.switch(ttl=8)
    assert done.told["phase"] == "signing"
    assert re.search(f"DKIM key 1 of {DOMAIN} signs in [1-8] s", done.errors)
    assert done.told["since"] + 1 >= server.noted()["served"] + 8
    assert server.signing == [selector] * 2


def test_once_it_signs_nothing_changes_any_more(server: DkimServer) -> None:
    selector = switched(server)
    (server.folder / "calls").write_text("")
    since = server.noted()["since"]
    assert server.switch().told["since"] == int(since)
    assert (server.calls, server.signing) == ([], [selector] * 2)


def test_the_former_private_key_is_deleted_when_its_time_is_over_and_its_name_stays_known(server: DkimServer) -> None:
    switched(server)
    assert json.loads((server.shelf / "0.json").read_text())["private"]
    server.noted(since=time.time() - 7 * DAY - 1)
    assert server.switch().told["phase"] == "revoked"
    assert json.loads((server.shelf / "0.json").read_text())["private"] == ""
    assert server.keys().told["keys"]["0"]["selector"] == OLD


def test_the_next_rotation_begins_with_the_key_that_signs(server: DkimServer) -> None:
    selector = switched(server)
    server.noted(since=time.time() - 7 * DAY - 1)
    server.switch()
    told = server.keys(2).told
    assert (told["active"], told["keys"]["1"]["selector"]) == (1, selector)
    assert told["keys"]["2"]["selector"] > selector


def test_a_signer_that_goes_on_with_the_old_key_brings_it_back(server: DkimServer) -> None:
    selector = due(server)
    server.mail.lies = OLD
    done = server.switch()
    assert done.status == 1
    assert f"not for {DOMAIN} with selector {selector}" in done.errors
    assert "The former key signs again" in done.errors
    assert (server.selector, server.signing) == (OLD, [OLD] * 2)
    server.mail.lies = ""
    assert server.switch().told["phase"] == "signing"


def test_a_version_that_signs_nothing_to_oneself_is_judged_by_files_and_links(server: DkimServer) -> None:
    selector = due(server)
    server.mail.kept = server.folder / "nothing"
    assert server.switch().told["phase"] == "signing"
    assert server.signing == [selector] * 2


def test_an_api_with_a_key_of_its_own_is_given_ours(server: DkimServer) -> None:
    selector = due(server)
    server.api.own, server.api.takes = {"selector": OLD, "public": "AAAA"}, True
    assert server.switch().told["phase"] == "signing"
    assert server.api.changes == [("PUT", f"/domains/{DOMAIN}/dkim", {"selector": selector})]
    assert server.selector == selector


def test_a_key_that_the_api_makes_up_never_stays(server: DkimServer) -> None:
    due(server)
    server.api.own = {"selector": OLD, "public": "AAAA"}
    done = server.switch()
    assert "Poste's API tells of another key, s20261128999" in done.errors
    assert (server.selector, server.signing) == (OLD, [OLD] * 2)


def test_a_signer_that_does_not_stop_in_time_is_killed_before_the_key_changes(server: DkimServer) -> None:
    selector = due(server)
    (server.folder / "stubborn").touch()
    assert server.switch().told["phase"] == "signing"
    assert [call.split()[0] for call in server.calls] == ["-d", "-d", "-k", "-k", "-u", "-u"]
    assert server.signing == [selector] * 2


def test_a_signer_that_cannot_be_stopped_keeps_its_key(server: DkimServer) -> None:
    due(server)
    (server.folder / "stubborn").write_text("dead")
    assert "haraka-smtp does not stop" in server.switch().errors
    assert (server.selector, server.signing) == (OLD, [OLD] * 2)


def test_clocks_that_are_apart_are_told_of(server: DkimServer) -> None:
    published(server)
    told = server.switch().told
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(told["due"]))
    assert "Set its clock right" in server.switch(due=moment).errors


# Cut off


@pytest.mark.parametrize("cut", ["script.begin", "script.stage", "script.put", "script.exchange", "script.prove"])
def test_a_switch_that_is_cut_off_after_any_step_is_brought_to_its_end(server: DkimServer, cut: str) -> None:
    selector = due(server)
    assert server.switch(cut=cut).status == 137
    # Whoever signs meanwhile does so with one key or the other, whole.
    assert set(server.signing) in ({OLD}, {selector})
    assert server.switch().told["phase"] == "signing"
    assert (server.selector, server.signing) == (selector, [selector] * 2)
    assert server.noted()["since"]


@pytest.mark.parametrize("before", ["mv .public.next", "mv .selector.next", "mv .private.next"])
def test_a_container_that_dies_in_the_middle_signs_nothing_rather_than_wrongly(server: DkimServer, before: str) -> None:
    selector = due(server)
    assert server.switch(dies=before).status == 1
    server.restart()
    for signer in ("haraka-smtp", "haraka-submission"):
        (server.folder / "down" / signer).unlink(missing_ok=True)
    assert server.signing == ["", ""]
    assert server.keys().status == 0
    assert server.switch().told["phase"] == "signing"
    assert server.signing == [selector] * 2


def test_what_was_cut_off_before_the_proof_is_proven_and_put_back_where_it_fails(server: DkimServer) -> None:
    due(server)
    assert server.switch(cut="script.exchange").status == 137
    server.mail.lies = OLD
    assert "The former key signs again" in server.switch().errors
    assert server.selector == OLD


# Lost and restored


@pytest.mark.parametrize("restored", [("data", "dkim"), ("data",)])
def test_a_server_restored_from_before_the_switch_switches_anew_to_the_key_that_is_published(
    server: DkimServer, restored: tuple[str, ...]
) -> None:
    due(server)
    for place in restored:
        shutil.copytree(server.folder / place, server.folder / "backup" / place)
    selector = json.loads((server.shelf / "1.json").read_text())["selector"]
    server.switch()
    for place in restored:
        shutil.rmtree(server.folder / place)
        shutil.copytree(server.folder / "backup" / place, server.folder / place)
    server.restart()
    told = server.keys().told
    assert (told["active"], told["keys"]["0"]["selector"], told["keys"]["1"]["selector"]) == (0, OLD, selector)
    assert server.switch().told["phase"] == "signing"
    assert server.signing == [selector] * 2


def test_a_server_restored_from_before_the_rotation_waits_for_a_new_key(server: DkimServer) -> None:
    shutil.copytree(server.key_folder, server.folder / "backup")
    lost = switched(server)
    shutil.rmtree(server.folder / "dkim")
    shutil.rmtree(server.key_folder)
    shutil.copytree(server.folder / "backup", server.key_folder)
    server.restart()
    told = server.keys().told
    assert (told["active"], told["keys"]["0"]["selector"]) == (0, OLD)
    assert told["keys"]["1"]["selector"] != lost
    assert server.switch().told["why"]
    assert server.signing == [OLD] * 2


def test_a_lost_folder_is_filled_again_with_the_key_that_signs(server: DkimServer) -> None:
    selector = switched(server)
    shutil.rmtree(server.folder / "dkim")
    told = server.keys().told
    assert (told["active"], told["keys"]["1"]["selector"], "0" in told["keys"]) == (1, selector, False)
    again = server.switch().told
    assert again["phase"] == "signing"
    assert server.signing == [selector] * 2
    assert json.loads((server.shelf / "1.json").read_text())["private"]


def test_a_key_made_anew_in_poste_by_hand_gives_way_at_once_to_the_one_that_is_published(server: DkimServer) -> None:
    selector = switched(server)
    key = rsa()
    write_key(server.key_folder, "s20261127001", key["private"], key["public"])
    told = server.keys().told
    assert (told["active"], told["keys"]["0"]["selector"], told["keys"]["1"]["selector"]) == (0, OLD, selector)
    assert server.switch().told["phase"] == "signing"
    assert server.selector == selector
    assert server.keys().told["keys"]["0"]["selector"] == OLD


def test_a_next_key_that_is_gone_is_not_made_up_by_the_switch(server: DkimServer) -> None:
    published(server)
    (server.shelf / "1.json").write_text(json.dumps({"selector": "s20261128001", "public_key": "AAAA"}))
    done = server.switch()
    assert done.status == 1
    assert "Raise the setting rerun by one" in done.errors
