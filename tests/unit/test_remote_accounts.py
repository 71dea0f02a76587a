"""The scripts that keep Poste's mailboxes, aliases and domains as the settings have them, against a small Poste."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from components import remote_scripts
from model.accounts_wanted import LEFT, OURS
from tests.support.poste_api import HASH, PosteApi, serving_api

ANN, ADMIN = "ann@example.com", "admin@example.com"
PASSWORD, CHANGED = "Given-Rule-10", "Owns-Choice-11"
RUN = """
import json, sys, pathlib, administrator, account, accounts
administrator.FILE = pathlib.Path(sys.argv[1])
known = json.loads(sys.argv[2])
account.signs_in = lambda address, password: password == known[address]
sys.argv[1:] = sys.argv[3:]
accounts.main()
"""
ROUTING = {"catch_all": None, "forward_to": None}


@pytest.fixture
def api() -> PosteApi:
    """Poste with its administrator and a domain."""
    found = PosteApi(domains={"example.com": {"name": "example.com", "domain_bin": False, "forward": False}})
    found.add(ADMIN, "Admin-Rule-10", super_admin=True)
    return found


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Where the script notes what it has carried out."""
    return tmp_path / "accounts"


def run(api: PosteApi, folder: Path, request: dict[str, Any], *argument: str) -> subprocess.CompletedProcess[str]:
    """Run accounts.py as on the server."""
    with serving_api(api) as url, tempfile.TemporaryDirectory() as server:
        file = Path(server, "administrator.json")
        file.write_text(json.dumps({"address": ADMIN, "password": "Admin-Rule-10"}))
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(file), json.dumps(api.passwords), *argument],
            cwd=remote_scripts.SOURCE,
            input=json.dumps({"url": url, "folder": str(folder), **request}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown, shown
    assert HASH not in shown
    assert PASSWORD not in shown
    return done


def wanted(*accounts: dict[str, Any], **routing: str | None) -> dict[str, Any]:
    """What the program asks for a domain."""
    return {"domain": "example.com", "accounts": list(accounts), **ROUTING, **routing}


def asked(address: str = ANN, kind: str = "mailbox", **changes: Any) -> dict[str, Any]:
    """What the program asks for a mailbox or alias."""
    request: dict[str, Any] = {
        "address": address,
        "kind": kind,
        "wanted": {},
        "quota": {},
        "password": None,
        "always": False,
    }
    return request | ({"password": PASSWORD} if kind == "mailbox" else {}) | changes


def keeps(api: PosteApi, volume: Path, *accounts: dict[str, Any]) -> dict[str, Any]:
    """Carry these accounts out, which has to succeed; what Poste has at the first one's address afterwards."""
    done = run(api, volume, wanted(*accounts))
    assert done.returncode == 0, done.stderr
    return api.boxes.get(accounts[0]["address"], {}) if accounts else {}


def alias(address: str = "sales@example.com", *targets: str, kind: str = "alias") -> dict[str, Any]:
    return asked(address, kind, wanted={"redirectTo": list(targets) or [ANN]})


def test_a_mailbox_is_made_once_with_its_password_and_a_second_run_changes_nothing(api: PosteApi, volume: Path) -> None:
    request = asked(wanted={"name": "Ann", "superAdmin": False}, quota={"storageLimit": 100})
    first = run(api, volume, wanted(request))
    assert json.loads(first.stdout) == {"accounts": 1}
    assert (api.boxes[ANN]["name"], api.passwords[ANN], api.quotas[ANN]["storageLimit"]) == ("Ann", PASSWORD, 100)
    api.changes.clear()
    assert run(api, volume, wanted(request)).stdout == first.stdout
    assert api.changes == []


def test_the_password_that_its_owner_changed_stays(api: PosteApi, volume: Path) -> None:
    api.add(ANN, CHANGED)
    keeps(api, volume, asked(wanted={"name": "Ann"}))
    assert api.passwords[ANN] == CHANGED
    assert api.boxes[ANN]["name"] == "Ann"


def test_a_password_that_is_always_to_be_so_is_set_only_where_it_is_another(api: PosteApi, volume: Path) -> None:
    api.add(ANN, PASSWORD)
    keeps(api, volume, asked(always=True))
    assert api.changes == []
    api.passwords[ANN] = CHANGED
    keeps(api, volume, asked(always=True))
    assert api.changes == [("PATCH", f"/boxes/{ANN.replace('@', '%40')}", {"passwordPlaintext": PASSWORD})]


def test_name_and_quota_are_changed_in_place_and_nothing_else_is(api: PosteApi, volume: Path) -> None:
    api.add(ANN, name="Ann", disabled=True, quota={"storageLimit": 5, "countLimit": 7})
    found = keeps(api, volume, asked(wanted={"name": "Anna"}, quota={"storageLimit": 50}))
    assert (found["name"], found["disabled"]) == ("Anna", True)
    assert api.quotas[ANN] == {"storageLimit": 50, "countLimit": 7}
    assert [method for method, _, _ in api.changes] == ["PATCH", "PATCH"]
    assert api.changes[0][2] == {"name": "Anna"}


def test_what_is_there_already_is_adopted_without_a_change(api: PosteApi, volume: Path) -> None:
    api.add(ANN, name="Ann", quota={"storageLimit": 50, "countLimit": 7})
    api.add("sales@example.com", redirect_to=[ANN, ADMIN])
    by_hand = asked(wanted={"name": "Ann"}, quota={"storageLimit": 50})
    keeps(api, volume, by_hand, alias("sales@example.com", ADMIN, ANN))
    assert api.changes == []


def test_what_nobody_has_set_is_not_touched(api: PosteApi, volume: Path) -> None:
    api.add("carl@example.com", name="By hand")
    keeps(api, volume, asked())
    keeps(api, volume)
    assert [path for _, path, _ in api.changes if "carl" in path] == []


def test_an_alias_is_made_and_follows_the_settings(api: PosteApi, volume: Path) -> None:
    assert keeps(api, volume, alias())["redirect_to"] == [ANN]
    assert keeps(api, volume, alias("sales@example.com", ADMIN))["redirect_to"] == [ADMIN]


def test_a_role_that_a_person_has_is_left_alone_and_ours_follows_the_administrator(api: PosteApi, volume: Path) -> None:
    role = alias("abuse@example.com", ADMIN, kind="role")
    api.add("abuse@example.com", redirect_to=["bob@example.org"])
    assert keeps(api, volume, role)["redirect_to"] == ["bob@example.org"]
    keeps(api, volume)
    assert api.boxes["abuse@example.com"]["redirect_to"] == ["bob@example.org"]
    api.add("abuse@example.com")
    assert keeps(api, volume, role)["redirect_to"] == []
    del api.boxes["abuse@example.com"]
    assert keeps(api, volume, role)["redirect_to"] == [ADMIN]
    assert keeps(api, volume, alias("abuse@example.com", ANN, kind="role"))["redirect_to"] == [ANN]


def test_a_role_whose_own_alias_left_the_settings_is_the_administrators_again(api: PosteApi, volume: Path) -> None:
    role = alias("abuse@example.com", ADMIN, kind="role")
    for before in ([], ["bob@example.com"]):
        if before:
            api.add("abuse@example.com", redirect_to=before)
        keeps(api, volume, alias("abuse@example.com", ANN))
        assert keeps(api, volume, role)["redirect_to"] == [ADMIN]


def test_a_mailbox_that_leaves_the_settings_is_disabled_and_comes_back_as_it_was(api: PosteApi, volume: Path) -> None:
    api.add(ANN, CHANGED, name="Ann")
    keeps(api, volume, asked())
    keeps(api, volume)
    assert api.boxes[ANN]["disabled"] is True
    found = keeps(api, volume, asked())
    assert (found["disabled"], found["reference_id"], api.passwords[ANN]) == (False, "", CHANGED)


def test_a_mailbox_that_a_person_disabled_stays_so(api: PosteApi, volume: Path) -> None:
    api.add(ANN, disabled=True)
    for _ in range(2):
        assert keeps(api, volume, asked())["disabled"] is True
        keeps(api, volume)
    assert api.changes == []


def test_the_administrators_own_mailbox_is_not_disabled_when_it_leaves_the_settings(
    api: PosteApi, volume: Path
) -> None:
    keeps(api, volume, asked(ADMIN))
    keeps(api, volume)
    assert api.boxes[ADMIN]["disabled"] is False


def test_an_alias_that_leaves_the_settings_goes_and_what_is_something_else_by_now_does_not(
    api: PosteApi, volume: Path
) -> None:
    both = alias(), alias("abuse@example.com", ADMIN, kind="role")
    keeps(api, volume, *both)
    keeps(api, volume)
    assert list(api.boxes) == [ADMIN]
    keeps(api, volume, *both, asked())
    api.add("sales@example.com")
    api.add(ANN, redirect_to=[ADMIN])
    keeps(api, volume)
    assert api.boxes["sales@example.com"]["disabled"] is False
    assert api.boxes[ANN]["redirect_to"] == [ADMIN]


def test_a_run_that_is_cut_off_forgets_nobody(api: PosteApi, volume: Path) -> None:
    keeps(api, volume, asked())
    api.refuses["POST"] = (503, "Later.")
    assert run(api, volume, wanted(asked("bob@example.com"))).returncode == 1
    assert api.boxes[ANN]["disabled"] is True
    api.refuses.clear()
    api.add("bob@example.com")
    keeps(api, volume)
    assert api.boxes["bob@example.com"]["disabled"] is True


def test_where_one_fails_the_others_are_there_and_each_failure_is_told(api: PosteApi, volume: Path) -> None:
    api.add("sales@example.com")
    requests = [asked(f"{name}@example.com") for name in ("ann", "bob")]
    done = run(api, volume, wanted(*requests, asked("carl@example.com", password=None), alias()))
    assert done.returncode == 1
    assert {"ann@example.com", "bob@example.com"} <= set(api.boxes)
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["carl@example.com", "sales@example.com"]


def test_what_is_to_be_deleted_goes_once_and_what_is_gone_is_no_mistake(api: PosteApi, volume: Path) -> None:
    api.add(ANN)
    named = {"mailboxes": [ANN, "nobody@example.com"], "domains": ["example.com"]}
    assert run(api, volume, named, "delete").returncode == 0
    assert ANN not in api.boxes
    assert api.domains == {}
    api.add(ANN)
    assert run(api, volume, named, "delete").returncode == 0
    assert ANN in api.boxes
    run(api, volume, named, "forget")
    assert run(api, volume, named, "delete").returncode == 0
    assert ANN not in api.boxes


def test_an_alias_becomes_a_mailbox_only_where_the_stack_has_a_password_for_it(api: PosteApi, volume: Path) -> None:
    api.add(ANN, redirect_to=[ADMIN])
    done = run(api, volume, wanted(asked(password=None)))
    assert done.returncode == 1
    assert "the stack has no password for it. Set one with: ./run mail mailbox passwd ann@example.com" in done.stderr
    assert api.boxes[ANN]["redirect_to"] == [ADMIN]
    assert keeps(api, volume, asked())["redirect_to"] == []
    assert api.passwords[ANN] == PASSWORD


def test_a_mailbox_with_mail_never_becomes_an_alias(api: PosteApi, volume: Path) -> None:
    api.add("sales@example.com")
    done = run(api, volume, wanted(alias()))
    assert done.returncode == 1
    assert "is a mailbox in Poste, perhaps with mail" in done.stderr
    assert "deleteMailboxes" in done.stderr
    assert api.changes == []


def test_a_mailbox_without_a_password_is_not_made(api: PosteApi, volume: Path) -> None:
    done = run(api, volume, wanted(asked(password=None)))
    assert done.returncode == 1
    assert "is no mailbox of Poste's yet, and the stack has no password for it" in done.stderr
    assert ANN not in api.boxes


@pytest.mark.parametrize(
    ("method", "what"), [("GET", "list the mailboxes"), ("POST", f"make {ANN}"), ("PATCH", f"change {ANN}")]
)
def test_what_poste_refuses_is_told_in_its_own_words(api: PosteApi, volume: Path, method: str, what: str) -> None:
    if method == "PATCH":
        api.add(ANN)
    api.refuses[method] = (422, "The mailbox is not valid.")
    done = run(api, volume, wanted(asked(wanted={"name": "Ann"})))
    assert done.returncode == 1
    assert f"answers 422 when asked to {what} (The mailbox is not valid.)" in done.stderr


def test_an_address_with_signs_that_paths_know_is_one_address(api: PosteApi, volume: Path) -> None:
    api.add("a", name="another's")
    odd = "a/quota@example.com"
    keeps(api, volume, asked(odd))
    assert keeps(api, volume, asked(odd, wanted={"name": "A"}))["name"] == "A"


def led(api: PosteApi) -> tuple[Any, ...]:
    domain = api.domains["example.com"]
    return tuple(domain[name] for name in ("domain_bin", "domain_bin_address", "forward", "forward_domain"))


def test_the_rest_of_a_domains_mail_is_led_where_the_settings_say_and_refused_when_they_no_longer_do(
    api: PosteApi, volume: Path
) -> None:
    assert run(api, volume, wanted(catch_all=ANN)).returncode == 0
    assert led(api) == (True, ANN, False, None)
    assert run(api, volume, wanted(forward_to="example.org")).returncode == 0
    assert led(api) == (False, None, True, "example.org")
    assert run(api, volume, wanted()).returncode == 0
    assert led(api) == (False, None, False, None)
    api.changes.clear()
    assert run(api, volume, wanted()).returncode == 0
    assert api.changes == []


def test_a_domain_that_poste_does_not_know_is_told(api: PosteApi, volume: Path) -> None:
    api.domains.clear()
    done = run(api, volume, wanted(catch_all=ANN))
    assert done.returncode == 1
    assert "answers 404 when asked to lead the mail of example.com (Not Found)" in done.stderr


IMAP = """
import sys, account
class Server:
    def __init__(self, host, port, ssl_context, timeout):
        pass
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def login(self, address, password):
        raise getattr(account.imaplib.IMAP4, sys.argv[1])("no")
account.imaplib.IMAP4_SSL = Server
try:
    print(account.signs_in("ann@example.com", "x"))
except account.RefusedError as error:
    print(error)
"""


@pytest.mark.parametrize(("error", "said"), [("error", "False"), ("abort", "IMAP does not answer")])
def test_a_broken_connection_is_not_taken_for_another_password(error: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMAP, error], cwd=remote_scripts.SOURCE, capture_output=True, text=True, check=False
    )
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_others_know_the_marks_of_the_script() -> None:
    code = "import json, account; print(json.dumps([account.LEFT, account.OURS]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=remote_scripts.SOURCE, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [LEFT, OURS]
