"""Mailboxes and aliases as verification compares them with the settings, and how it asks the server for them."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components import remote_scripts
from model.accounts_wanted import LEFT, OURS
from model.settings import Settings
from operate.verify import accounts
from operate.verify.context import Context
from operate.verify.result import Finding, Status
from operate.verify.runner import Shared
from operate.verify.server_shell import SCRIPT
from tests.support.examples import PASSWORD, settings
from tests.support.poste_api import HASH, PosteApi, serving_api
from tests.support.verify_world import Records, stack

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL
ANN, ADMIN, ROLES = "ann@example.com", "admin@example.com", ("abuse@example.com", "postmaster@example.com")
DOMAIN: dict[str, Any] = {
    "name": "example.com",
    "mailboxes": [{"address": ANN, "name": "Ann", "quotaMb": 100, "disabled": False}],
    "aliases": {"sales@example.com": [ANN, ADMIN]},
    "catchAll": ANN,
}


def box(address: str, **changes: Any) -> dict[str, Any]:
    """A mailbox as the server tells of it."""
    return {"address": address, "name": "", "disabled": False, "super_admin": False, "redirect_to": [],
            "reference_id": ""} | changes  # fmt: skip


def right() -> dict[str, dict[str, Any]]:
    """What Poste has where all is well, by address."""
    return {
        ADMIN: box(ADMIN, super_admin=True),
        ANN: box(ANN, name="Ann", quota={"storageLimit": 100, "countLimit": 0}),
        "sales@example.com": box("sales@example.com", redirect_to=[ADMIN, ANN]),
    } | {role: box(role, redirect_to=[ADMIN], reference_id=OURS) for role in ROLES}


LED = {"name": "example.com", "domain_bin": True, "domain_bin_address": ANN, "forward": False, "forward_domain": ""}


def found(
    check: str,
    *,
    of: dict[str, Any] | None = None,
    gone: str = "",
    led: dict[str, Any] | None = LED,
    changes: dict[str, dict[str, Any]] | None = None,
) -> Finding:
    """A check's finding where Poste has what it should but for one thing."""
    boxes = right()
    boxes.pop(gone, None)
    for address, fields in (changes or {}).items():
        boxes[address] = boxes.get(address, box(address)) | fields

    async def ask() -> accounts.Told:
        return {"boxes": list(boxes.values()), "domains": [led] if led else []}

    wanted: Settings = settings(domains=[DOMAIN if of is None else of])
    domain = wanted.domains[0]
    work = {
        "mailboxes": lambda: accounts.mailboxes(ask, domain),
        "aliases": lambda: accounts.aliases(ask, wanted, domain),
        "routing": lambda: accounts.routing(ask, wanted, domain),
        "administrators": lambda: accounts.administrators(ask, wanted),
        "unlisted": lambda: accounts.unlisted(ask, wanted),
    }
    return asyncio.run(work[check]())


@pytest.mark.parametrize("check", ["mailboxes", "aliases", "routing", "administrators", "unlisted"])
def test_all_is_well_where_poste_has_what_the_settings_say(check: str) -> None:
    assert found(check).status is OK


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"name": "Anna"}, WARN, "ann@example.com: name is Anna, not Ann"),
        ({"quota": {"storageLimit": 7, "countLimit": 0}}, WARN, "ann@example.com: quotaMb is 7, not 100"),
        ({"disabled": True}, FAIL, "ann@example.com: disabled is true, not false"),
        ({"redirect_to": [ADMIN]}, FAIL, "ann@example.com is an alias of admin@example.com"),
        ({"super_admin": True, "internal_only": True}, OK, "1 mailbox as configured"),  # not set here
    ],
)
def test_what_differs_of_a_mailbox_is_told(changes: dict[str, Any], status: Status, said: str) -> None:
    finding = found("mailboxes", changes={ANN: changes})
    assert (finding.status, finding.found) == (status, said)


def test_a_missing_mailbox_is_red_and_many_are_told_in_one_line() -> None:
    assert found("mailboxes", gone=ANN).found == "ann@example.com is missing"
    many = {"name": "example.com", "mailboxes": [{"address": f"p{number}@example.com"} for number in range(9)]}
    finding = found("mailboxes", of=many)
    assert (finding.status, finding.found.count("missing")) == (FAIL, 3)
    assert finding.found.endswith("and 6 more")


@pytest.mark.parametrize(("wanted", "is_so"), [(True, False), (False, True)])
def test_disabled_though_wanted_and_the_reverse_are_red(wanted: bool, is_so: bool) -> None:
    of = {"name": "example.com", "mailboxes": [{"address": ANN, "disabled": wanted}]}
    assert found("mailboxes", of=of, changes={ANN: {"disabled": is_so}}).status is FAIL
    assert found("mailboxes", of=of, changes={ANN: {"disabled": wanted}}).status is OK


def test_a_mailbox_that_came_back_is_no_longer_disabled_by_us() -> None:
    of = {"name": "example.com", "mailboxes": [{"address": ANN}]}
    assert found("mailboxes", of=of, changes={ANN: {"disabled": True, "reference_id": LEFT}}).status is FAIL
    assert found("mailboxes", of=of, changes={ANN: {"disabled": True}}).status is OK


@pytest.mark.parametrize(
    ("address", "changes", "status"),
    [
        ("sales@example.com", {"redirect_to": [ANN]}, FAIL),
        ("sales@example.com", {"redirect_to": []}, FAIL),
        ("abuse@example.com", {"redirect_to": [ANN]}, FAIL),
        ("abuse@example.com", {"redirect_to": [ANN], "reference_id": ""}, OK),
        ("abuse@example.com", {"redirect_to": [], "reference_id": ""}, OK),
        ("abuse@example.com", {"disabled": True}, FAIL),
    ],
)
def test_an_alias_that_leads_elsewhere_is_red_unless_a_person_has_the_role(
    address: str, changes: dict[str, Any], status: Status
) -> None:
    assert found("aliases", changes={address: changes}).status is status


def test_a_missing_alias_or_role_is_red() -> None:
    assert found("aliases", gone="sales@example.com").found == "sales@example.com is missing"
    assert found("aliases", gone="abuse@example.com").found == "abuse@example.com is missing"


def test_mail_for_unknown_addresses_that_goes_elsewhere_is_red_and_noted_where_the_settings_are_silent() -> None:
    assert found("routing", led={**LED, "domain_bin_address": ADMIN}).status is FAIL
    assert found("routing", led={**LED, "domain_bin": False}).status is FAIL
    assert found("routing", led={**LED, "forward": True, "forward_domain": "example.org"}).status is FAIL
    assert found("routing", led=None).found == "Poste does not know the domain"
    silent = {"name": "example.com", "mailboxes": [{"address": ANN}]}
    assert found("routing", of=silent).status is WARN
    assert found("routing", of={"name": "example.com"}).status is OK


def test_an_administrator_whom_nobody_named_is_red() -> None:
    finding = found("administrators", changes={"eve@example.com": {"super_admin": True}})
    assert (finding.status, finding.found) == (FAIL, "eve@example.com, whom nobody named")
    assert found("administrators", changes={ADMIN: {"super_admin": False}}).status is FAIL
    of = {"name": "example.com", "mailboxes": [{"address": ANN, "administrator": True}]}
    assert found("administrators", of=of, changes={ANN: {"super_admin": True}}).status is OK
    assert found("administrators", changes={ANN: {"super_admin": True}}).status is FAIL


def test_mailboxes_beside_the_settings_are_noted_once_the_settings_name_any() -> None:
    more: dict[str, Any] = {"by-hand@example.com": {}}
    finding = found("unlisted", changes=more)
    assert (finding.status, finding.found) == (WARN, "by-hand@example.com")
    assert found("unlisted", of={"name": "example.com"}, changes=more).status is OK
    assert found("unlisted", changes={"once@example.com": {"disabled": True, "reference_id": LEFT}}).status is OK


def test_the_server_is_asked_once_and_for_the_quotas_that_are_set() -> None:
    deployed = stack(domains=[{**DOMAIN, "mailboxes": [*DOMAIN["mailboxes"], {"address": "bob@example.com"}]}])
    jobs = list(accounts.jobs(Context(deployed, Records({}), Shared(), deployed.domains)))
    asks = {job.run.args[0].args for job in jobs}  # type: ignore[attr-defined]
    ((key, work),) = asks
    assert key == "accounts"
    assert work.args[1:] == ("boxes", "https://127.0.0.1:443", [ANN])


def server_tells(api: PosteApi, folder: Path, quotas: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the server's script beside a copy of the deploy's scripts."""
    scripts = folder / "scripts"
    if not scripts.exists():
        shutil.copytree(remote_scripts.SOURCE, scripts)
        known = scripts / "administrator.py"
        known.write_text(known.read_text().replace("/opt/poste-mail", str(scripts)))
        (scripts / "administrator.json").write_text(json.dumps({"address": ADMIN, "password": PASSWORD}))
    with serving_api(api) as url:
        script = SCRIPT.read_text().replace("/opt/poste-mail", str(scripts))
        return subprocess.run(
            [sys.executable, "-"], input=f"{script}\nboxes({url!r}, {quotas!r})\n", capture_output=True, text=True,
            check=False,
        )  # fmt: skip


def test_script_tells_of_boxes_and_domains_and_never_of_a_passwords_hash(tmp_path: Path) -> None:
    api = PosteApi(domains={"example.com": LED | {"reference_id": "x"}})
    api.add(ADMIN, super_admin=True)
    api.add(ANN, quota={"storageLimit": 5, "countLimit": 6})
    done = server_tells(api, tmp_path, [ANN, "nobody@example.com"])
    assert HASH not in done.stdout
    told = json.loads(done.stdout)
    assert told["domains"] == [LED]
    admin, ann = told["boxes"]
    assert admin == box(ADMIN, super_admin=True, internal_only=False)
    assert ann == box(ANN, internal_only=False, quota={"storageLimit": 5, "countLimit": 6})


def test_script_says_what_poste_refuses(tmp_path: Path) -> None:
    done = server_tells(PosteApi(refuses={"GET": (401, "")}), tmp_path, [])
    assert done.returncode == 1
    assert done.stderr == "Poste's API answers 401 when asked for /boxes.\n"


def processor_time() -> float:
    """Seconds that this process and those that it has run took: what else the machine has to do counts for nothing."""
    return sum(os.times()[:4])


def test_hundreds_of_mailboxes_take_no_long_time(tmp_path: Path) -> None:
    api = PosteApi()
    addresses = [f"p{number}@example.com" for number in range(500)]
    for address in addresses:
        api.add(address)
    started = processor_time()
    told = json.loads(server_tells(api, tmp_path, addresses).stdout)
    assert processor_time() - started < 15
    assert [one["address"] for one in told["boxes"] if "quota" in one] == addresses
