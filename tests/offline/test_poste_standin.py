"""The Poste stand-in: installer, REST API, console, DKIM files, and what its start makes of certificates."""

import asyncio
import re
import sqlite3
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, encode_basic_auth
from aiohttp.test_utils import TestClient, TestServer

from offline.sandbox.poste.admin import console, dkim
from offline.sandbox.poste.admin.layout import Layout
from offline.sandbox.poste.admin.migrations import NewerError, migrate
from offline.sandbox.poste.admin.operations import Operations
from offline.sandbox.poste.admin.passwords import hash_password, verify_password
from offline.sandbox.poste.admin.server_ini import server_hostname
from offline.sandbox.poste.admin.webapp import make_app

API = "/admin/api/v1"
ADMIN = "admin@club.example"
PASSWORD = "Sandbox-Passw0rd"


def login(address: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": encode_basic_auth(address, password)}


AUTH = login(ADMIN, PASSWORD)
ROOTFS = Path(__file__).parents[2] / "offline/sandbox/poste" / "rootfs"

Client = TestClient[Any, Any]
Scenario = Callable[[Client], Awaitable[None]]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty volume, and the container's folders for links."""
    (tmp_path / "data").mkdir()
    layout = Layout(tmp_path / "data", tmp_path / "opt")
    Operations(layout).store.create_schema()
    return layout


@pytest.fixture
def administered(layout: Layout) -> Layout:
    """A server with the domain club.example and its administrator."""
    operations = Operations(layout)
    operations.create_domain("club.example")
    operations.create_box(ADMIN, PASSWORD, {"superAdmin": True})
    return layout


async def _applied() -> None:
    """The mail servers took the new settings."""


async def _refused() -> None:
    raise RuntimeError("sudo: no new privileges")


def serve(layout: Layout, scenario: Scenario, apply_settings: Callable[[], Awaitable[None]] = _applied) -> None:
    """Run a scenario against the web application."""

    async def run() -> None:
        async with TestClient(TestServer(make_app(layout, apply_settings))) as client:
            await scenario(client)

    asyncio.run(run())


async def install(client: Client, token: str | None = None, **changes: str) -> ClientResponse:
    """Post the installer's form, by default with the token of the form just served."""
    page = await (await client.get("/admin/install/server")).text()
    served = re.search(r'name="install\[_token\]" value="([^"]+)"', page)
    values = {"hostname": "mail.club.example", "superAdmin": ADMIN, "superAdminPassword": PASSWORD}
    values["_token"] = token if token is not None else served[1] if served else ""
    form = {f"install[{name}]": value for name, value in (values | changes).items()}
    return await client.post("/admin/install/server", data=form, allow_redirects=False)


def test_installer_makes_domain_administrator_and_settings_and_then_is_closed(layout: Layout) -> None:
    async def scenario(client: Client) -> None:
        answer = await install(client)
        assert answer.status == 302
        assert not answer.headers["Location"].startswith("/admin/install")
        for again in (await client.get("/admin/install/server", allow_redirects=False), await install(client)):
            assert (again.status, again.headers["Location"]) == (302, "/admin/login")

    serve(layout, scenario)
    assert server_hostname(layout.server_ini) == "mail.club.example"
    store = Operations(layout).store
    assert [(row["address"], row["superAdmin"]) for row in store.boxes()] == [(ADMIN, 1)]
    assert dkim.read_key(layout, "club.example") is None, "a DKIM key is made only when asked for"


def test_installer_shows_the_form_again_without_the_token_of_its_session(layout: Layout) -> None:
    async def scenario(client: Client) -> None:
        missing = await install(client, token="")
        assert missing.status == 200
        assert 'id="install_hostname"' in await missing.text()
        page = await (await client.get("/admin/install/server")).text()
        token = re.findall(r'name="install\[_token\]" value="([^"]+)"', page)[0]
        client.session.cookie_jar.clear()
        assert (await install(client, token=token)).status == 200

    serve(layout, scenario)
    assert not layout.server_ini.exists()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"hostname": "198.51.100.140"}, 500),
        ({"hostname": "mail"}, 500),
        ({"superAdmin": "club.example"}, 200),
        ({"superAdminPassword": "short"}, 200),
    ],
)
def test_installer_refuses_bad_values_and_stays_open(layout: Layout, changes: dict[str, str], status: int) -> None:
    async def scenario(client: Client) -> None:
        assert (await install(client, **changes)).status == status

    serve(layout, scenario)
    assert server_hostname(layout.server_ini) is None
    assert Operations(layout).store.domains() == []


def test_installer_can_have_fields_of_other_names_and_is_open_all_the_same(layout: Layout) -> None:
    layout.renamed_fields.touch()

    async def scenario(client: Client) -> None:
        page = await client.get("/admin/install/server", allow_redirects=False)
        assert page.status == 200
        assert "install[hostname]" not in await page.text()
        assert (await install(client)).status == 200  # the form once more
        assert server_hostname(layout.server_ini) is None
        renamed = {"server": "mail.club.example", "administrator": ADMIN, "password": PASSWORD}
        assert (await install(client, **renamed)).status == 302

    serve(layout, scenario)
    assert server_hostname(layout.server_ini) == "mail.club.example"


def test_installer_fails_with_status_500_when_the_domain_exists(layout: Layout) -> None:
    async def scenario(client: Client) -> None:
        Operations(layout).create_domain("club.example")
        assert (await install(client)).status == 500

    serve(layout, scenario)
    assert server_hostname(layout.server_ini) is None


def test_installer_fails_with_status_500_when_sudo_is_forbidden(layout: Layout) -> None:
    async def scenario(client: Client) -> None:
        assert (await install(client)).status == 500

    serve(layout, scenario, apply_settings=_refused)


def test_login_page_lets_only_the_administrator_in(administered: Layout) -> None:
    administered.server_ini.write_text('[server]\nserver_hostname="mail.club.example"\n')

    async def sign_in(client: Client, password: str) -> int:
        page = await (await client.get("/admin/login")).text()
        token = re.findall(r'name="_csrf_token" value="([^"]+)"', page)[0]
        form = {"email": ADMIN, "password": password, "_csrf_token": token}
        return (await client.post("/admin/login", data=form, allow_redirects=False)).status

    async def scenario(client: Client) -> None:
        assert await sign_in(client, "wrong-password") == 200
        assert (await client.get("/admin/", allow_redirects=False)).headers["Location"] == "/admin/login"
        assert await sign_in(client, PASSWORD) == 302
        assert "club.example" in await (await client.get("/admin/", allow_redirects=False)).text()

    serve(administered, scenario)


def test_api_is_for_super_administrators_only(administered: Layout) -> None:
    Operations(administered).create_box("ann@club.example", PASSWORD, {})

    async def scenario(client: Client) -> None:
        for auth in ({}, login(ADMIN, "wrong"), login("ann@club.example", PASSWORD)):
            for path in ("/domains", "/boxes", "/unknown"):
                assert (await client.get(API + path, headers=auth)).status == 401
        assert (await client.get(API + "/domains", headers=AUTH)).status == 200
        assert (await client.get(API + "/unknown", headers=AUTH)).status == 404

    serve(administered, scenario)


def test_old_address_of_the_api_only_redirects(administered: Layout) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.get("/api/v1/domains", headers=AUTH, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (301, API + "/domains")

    serve(administered, scenario)


def test_domain_lives_from_post_to_delete(administered: Layout) -> None:
    async def scenario(client: Client) -> None:
        domains = API + "/domains"
        assert (await client.post(domains, json={"name": "Family.Example"}, headers=AUTH)).status == 201
        assert (await client.post(domains, json={"name": "family.example"}, headers=AUTH)).status == 400
        assert (await client.post(domains, json={"name": "no_domain"}, headers=AUTH)).status == 400
        assert (await client.patch(domains + "/family.example", json={"referenceId": "7"}, headers=AUTH)).status == 204
        shown = await (await client.get(domains + "/family.example", headers=AUTH)).json()
        assert (shown["name"], shown["reference_id"]) == ("family.example", "7")
        assert (await client.delete(domains + "/family.example", headers=AUTH)).status == 204
        assert (await client.get(domains + "/family.example", headers=AUTH)).status == 404

    serve(administered, scenario)


def test_domain_has_catch_all_forwarding_forced_route_and_an_end_of_reception(administered: Layout) -> None:
    settings = {
        "domainBin": True,
        "domainBinAddress": "Ann@club.example",
        "forward": True,
        "forwardDomain": "family.example",
        "forceRoute": True,
        "forceRouteHost": "mx.elsewhere.example",
        "disabled": True,
        "referenceId": "7",
    }

    async def scenario(client: Client) -> None:
        club = API + "/domains/club.example"
        assert (await client.patch(club, json=settings, headers=AUTH)).status == 204
        shown = await (await client.get(club, headers=AUTH)).json()
        assert {name: shown[name] for name in ("domain_bin", "forward", "force_route", "disabled")} == dict.fromkeys(
            ("domain_bin", "forward", "force_route", "disabled"), True
        )
        assert shown["domain_bin_address"] == "ann@club.example"
        assert (shown["forward_domain"], shown["force_route_host"]) == ("family.example", "mx.elsewhere.example")
        off = {"domainBin": False, "domainBinAddress": None, "forward": False}
        assert (await client.patch(club, json=off, headers=AUTH)).status == 204
        shown = await (await client.get(club, headers=AUTH)).json()
        assert (shown["domain_bin"], shown["domain_bin_address"], shown["forward"]) == (False, "", False)
        assert (shown["forward_domain"], shown["reference_id"]) == ("family.example", "7"), "the rest stays"

    serve(administered, scenario)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"domainBin": True}, "domainBinAddress"),
        ({"domainBin": True, "domainBinAddress": "ann"}, "domainBinAddress"),
        ({"forward": True, "forwardDomain": None}, "forwardDomain"),
        ({"forward": True, "forwardDomain": "club.example"}, "forwardDomain"),
        ({"forceRoute": True, "forceRouteHost": ""}, "forceRouteHost"),
        ({"disabled": 1}, "disabled"),
        ({"name": "family.example"}, "name"),
        ({"domain_bin": True}, "domain_bin"),
    ],
)
def test_domain_with_a_bad_setting_is_refused(administered: Layout, change: dict[str, object], field: str) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.patch(API + "/domains/club.example", json=change, headers=AUTH)
        assert answer.status == 400
        assert list((await answer.json())["errors"]["children"]) == [field]

    serve(administered, scenario)


def test_lists_come_in_pages(administered: Layout) -> None:
    for name in ("a.example", "b.example"):
        Operations(administered).create_domain(name)

    async def scenario(client: Client) -> None:
        page = await (await client.get(API + "/domains?page=2&paging=2", headers=AUTH)).json()
        assert [row["name"] for row in page.pop("results")] == ["club.example"]
        assert page == {"page": 2, "paging": 2, "last_page": 2, "results_count": 3}

    serve(administered, scenario)


def test_dkim_key_is_made_by_put_only_and_replaced_by_another_put(administered: Layout) -> None:
    async def scenario(client: Client) -> None:
        url = API + "/domains/club.example/dkim"
        assert (await client.get(url, headers=AUTH)).status == 404
        made = await (await client.put(url, headers=AUTH)).json()
        assert re.fullmatch(r"s\d{11}", made["selector"])
        assert await (await client.get(url, headers=AUTH)).json() == made
        replaced = await (await client.put(url, json={"name": "club.example"}, headers=AUTH)).json()
        assert replaced["selector"] != made["selector"]
        assert replaced["public"] != made["public"]
        assert (await client.delete(url, headers=AUTH)).status == 204
        assert (await client.get(url, headers=AUTH)).status == 404

    serve(administered, scenario)


def test_mailbox_lives_from_post_to_delete(administered: Layout) -> None:
    async def scenario(client: Client) -> None:
        boxes, ann = API + "/boxes", API + "/boxes/ann@club.example"
        values = {"name": "Ann", "email": "ann@club.example", "passwordPlaintext": PASSWORD}
        assert (await client.post(boxes, json=values, headers=AUTH)).status == 201
        assert (await client.post(boxes, json=values, headers=AUTH)).status == 400
        change = {"passwordPlaintext": "Another-Passw0rd", "superAdmin": True}
        assert (await client.patch(ann, json=change, headers=AUTH)).status == 204
        new = login("ann@club.example", "Another-Passw0rd")
        assert (await (await client.get(ann, headers=new)).json())["super_admin"] is True
        assert (await client.delete(ann, headers=AUTH)).status == 204
        assert (await client.get(ann, headers=AUTH)).status == 404

    serve(administered, scenario)


@pytest.mark.parametrize(
    "change",
    [
        {"email": "ann@elsewhere.example"},
        {"email": "ann"},
        {"email": "../ann@club.example"},
        {"passwordPlaintext": "short"},
        {"email": "*@club.example"},
        {"passwordPlaintext": "1234567"},
        {"redirectTo": "bob@club.example"},
        {"redirectTo": ["bob"]},
        {"redirectTo": ["ann@club.example"]},
        {"superAdmin": "yes"},
        {"unknown": 1},
    ],
)
def test_mailbox_with_a_bad_value_is_refused(administered: Layout, change: dict[str, object]) -> None:
    async def scenario(client: Client) -> None:
        values = {"email": "ann@club.example", "passwordPlaintext": PASSWORD} | change
        answer = await client.post(API + "/boxes", json=values, headers=AUTH)
        assert answer.status == 400
        assert (await answer.json())["errors"]["children"].keys() == change.keys()

    serve(administered, scenario)
    assert len(Operations(administered).store.boxes()) == 1


def test_mailbox_is_shown_with_every_field_that_clients_of_poste_know(administered: Layout) -> None:
    async def scenario(client: Client) -> None:
        ann = API + "/boxes/ann@club.example"
        values = {"name": "Ann", "email": "Ann@club.example", "passwordPlaintext": PASSWORD}
        assert (await client.post(API + "/boxes", json=values, headers=AUTH)).status == 201
        shown = await (await client.get(ann, headers=AUTH)).json()
        assert verify_password(PASSWORD, shown.pop("password")), "the hash, as Poste shows it"
        assert shown.pop("created") == shown.pop("updated")
        assert shown == {
            "address": "ann@club.example",
            "user": "ann",
            "domain": "club.example",
            "name": "Ann",
            "disabled": False,
            "domain_admin": False,
            "super_admin": False,
            "strict_from_disabled": False,
            "redirect_only": False,
            "redirect_to": [],
            "discard": False,
            "internal_only": False,
            "reference_id": None,
        }
        switches = ("disabled", "strictFromDisabled", "discard", "internalOnly")
        change = {**dict.fromkeys(switches, True), "referenceId": "7", "name": "Anna"}
        assert (await client.patch(ann, json=change, headers=AUTH)).status == 204
        shown = await (await client.get(ann, headers=AUTH)).json()
        assert all(shown[name] for name in ("disabled", "strict_from_disabled", "discard", "internal_only"))
        assert (shown["reference_id"], shown["name"]) == ("7", "Anna")

    serve(administered, scenario)


def test_list_of_mailboxes_takes_a_query_and_any_size_of_page(administered: Layout) -> None:
    for number in range(60):
        Operations(administered).create_box(f"user{number}@club.example", PASSWORD, {})

    async def scenario(client: Client) -> None:
        whole = await (await client.get(API + "/boxes?page=1&paging=50000", headers=AUTH)).json()
        assert (whole["results_count"], len(whole["results"]), whole["last_page"]) == (61, 61, 1)
        some = await (await client.get(API + "/boxes?query=user5", headers=AUTH)).json()
        assert (some["results_count"], some["paging"]) == (11, 50)

    serve(administered, scenario)


def test_address_with_targets_is_a_redirect_that_nobody_signs_in_with(administered: Layout) -> None:
    async def scenario(client: Client) -> None:
        boxes, info = API + "/boxes", API + "/boxes/info@club.example"
        targets = ["Admin@club.example", "user@other.example", "*@club.example"]
        values = {"email": "info@club.example", "redirectTo": targets}
        assert (await client.post(boxes, json=values, headers=AUTH)).status == 201
        shown = await (await client.get(info, headers=AUTH)).json()
        assert (shown["redirect_only"], shown["password"]) == (True, "")
        assert shown["redirect_to"] == ["admin@club.example", "user@other.example", "*@club.example"]
        change = {"passwordPlaintext": PASSWORD, "superAdmin": True}
        assert (await client.patch(info, json=change, headers=AUTH)).status == 204
        assert (await client.get(info, headers=login("info@club.example", PASSWORD))).status == 401
        assert (await client.patch(info, json={"redirectTo": []}, headers=AUTH)).status == 204
        assert (await client.get(info, headers=login("info@club.example", PASSWORD))).status == 200

    serve(administered, scenario)


def test_only_a_redirect_can_do_without_a_password(administered: Layout) -> None:
    Operations(administered).create_box("info@club.example", None, {"redirectTo": [ADMIN]})

    async def scenario(client: Client) -> None:
        created = await client.post(API + "/boxes", json={"email": "ann@club.example"}, headers=AUTH)
        turned = await client.patch(API + "/boxes/info@club.example", json={"redirectTo": []}, headers=AUTH)
        for answer in (created, turned):
            assert answer.status == 400
            assert list((await answer.json())["errors"]["children"]) == ["passwordPlaintext"]

    serve(administered, scenario)


def test_wildcard_target_is_for_local_domains_only(administered: Layout) -> None:
    async def scenario(client: Client) -> None:
        values = {"email": "all@club.example", "redirectTo": ["*@other.example"]}
        answer = await client.post(API + "/boxes", json=values, headers=AUTH)
        assert answer.status == 400
        errors = (await answer.json())["errors"]["children"]["redirectTo"]["errors"]
        assert errors == ["Only local domains may have a wildcard (*)."]

    serve(administered, scenario)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"disabled": True}, "disabled"),
        ({"superAdmin": False}, "superAdmin"),
        ({"redirectTo": ["ann@club.example"]}, "redirectTo"),
    ],
)
def test_nobody_shuts_out_the_account_in_use(administered: Layout, change: dict[str, object], field: str) -> None:
    async def scenario(client: Client) -> None:
        answer = await client.patch(f"{API}/boxes/{ADMIN}", json=change, headers=login(ADMIN.upper(), PASSWORD))
        assert answer.status == 400
        assert list((await answer.json())["errors"]["children"]) == [field]
        assert (await client.delete(f"{API}/boxes/{ADMIN}", headers=AUTH)).status == 400
        assert (await client.delete(f"{API}/domains/club.example", headers=AUTH)).status == 400
        shown = await (await client.get(f"{API}/boxes/{ADMIN}", headers=AUTH)).json()
        assert (shown["disabled"], shown["super_admin"], shown["redirect_to"]) == (False, True, [])

    serve(administered, scenario)


def test_another_administrator_may_disable_and_delete_the_first(administered: Layout) -> None:
    Operations(administered).create_box("second@club.example", PASSWORD, {"superAdmin": True})
    second = login("second@club.example", PASSWORD)

    async def scenario(client: Client) -> None:
        assert (await client.patch(f"{API}/boxes/{ADMIN}", json={"disabled": True}, headers=second)).status == 204
        assert (await client.get(API + "/boxes", headers=AUTH)).status == 401
        assert (await client.delete(f"{API}/boxes/{ADMIN}", headers=second)).status == 204

    serve(administered, scenario)


def test_deleted_mailboxes_and_domains_take_their_mail_along(administered: Layout) -> None:
    operations = Operations(administered)
    operations.create_domain("family.example")
    for address in ("ann@club.example", "eve@family.example"):
        operations.create_box(address, PASSWORD, {})
        (administered.home(address) / "Maildir").mkdir(parents=True)

    async def scenario(client: Client) -> None:
        assert (await client.delete(API + "/boxes/ann@club.example", headers=AUTH)).status == 204
        assert (await client.delete(API + "/domains/family.example", headers=AUTH)).status == 204

    serve(administered, scenario)
    assert not administered.home("ann@club.example").exists()
    assert not administered.domain("family.example").exists()
    assert [row["address"] for row in operations.store.boxes()] == [ADMIN]


def test_hundreds_of_mailboxes_are_made_in_seconds_by_parallel_requests(administered: Layout) -> None:
    async def scenario(client: Client) -> None:
        async def create(worker: int) -> None:
            for number in range(25):
                values = {"email": f"user{number}-{worker}@club.example", "passwordPlaintext": PASSWORD}
                assert (await client.post(API + "/boxes", json=values, headers=AUTH)).status == 201

        started = time.process_time()
        await asyncio.gather(*(create(worker) for worker in range(8)))
        assert time.process_time() - started < 12
        assert (await (await client.get(API + "/boxes", headers=AUTH)).json())["results_count"] == 201

    serve(administered, scenario)


def test_statistics_count_by_day_what_was_delivered_to_and_sent_by_each_mailbox(administered: Layout) -> None:
    Operations(administered).create_box("ann@club.example", PASSWORD, {})
    administered.mail_log.parent.mkdir()
    administered.mail_log.write_text(
        "2026-11-27 23:59:59 1vOabc-000000001Cd-0Ab1 <= x@other.example H=mx.other.example P=esmtps S=9\n"
        '2026-11-27 23:59:59 1vOabc-000000001Cd-0Ab1 => ann <ann@club.example> R=mailbox T=mailbox C="250 2.0.0"\n'
        "2026-11-28 00:00:01 1vOabd-000000001Cd-0Ab1 <= ann@club.example H=(c) [198.51.100.1] P=esmtpsa A=plain:"
        "ann@club.example S=9\n"
        "2026-11-28 00:00:01 1vOabd-000000001Cd-0Ab1 => u@other.example R=remote T=remote_smtp H=mx.other.example\n"
        "2026-11-28 00:00:01 1vOabd-000000001Cd-0Ab1 => u@other.example <all@club.example> R=remote T=remote_smtp\n"
        f"2026-11-28 00:00:02 1vOabe-000000001Cd-0Ab1 <= {ADMIN} H=(c) [::1] P=esmtpsa A=login:{ADMIN} S=9\n"
        '2026-11-28 00:00:02 1vOabe-000000001Cd-0Ab1 => ann <ann@club.example> R=mailbox T=mailbox C="250 2.0.0"\n'
    )

    async def scenario(client: Client) -> None:
        async def counts(path: str) -> Any:
            answer = await client.get(f"{API}{path}/stats", headers=AUTH)
            assert answer.status == 200
            return await answer.json()

        first, whole = {"in": 1, "out": 0}, {"in": 1, "out": 2}
        assert list((await counts("/domains/club.example")).items()) == [("2026-11-27", first), ("2026-11-28", whole)]
        assert await counts("/boxes/ann@club.example") == {"2026-11-27": first, "2026-11-28": {"in": 1, "out": 1}}
        assert await counts(f"/boxes/{ADMIN}") == {"2026-11-28": {"in": 0, "out": 1}}
        assert (await client.get(API + "/boxes/nobody@club.example/stats", headers=AUTH)).status == 404

    serve(administered, scenario)


def test_quota_takes_json_numbers_and_no_form_fields(administered: Layout) -> None:
    async def scenario(client: Client) -> None:
        url = f"{API}/boxes/{ADMIN}/quota"
        assert (await client.patch(url, data={"storageLimit": "10"}, headers=AUTH)).status == 400
        assert (await client.patch(url, json={"storageLimit": 10, "countLimit": 2}, headers=AUTH)).status == 204
        shown = await (await client.get(url, headers=AUTH)).json()
        assert (shown["storage_limit"], shown["count_limit"]) == (10, 2)

    serve(administered, scenario)


def test_sieve_script_becomes_the_active_one_until_it_is_emptied(administered: Layout) -> None:
    active = administered.home(ADMIN) / ".dovecot.sieve"

    async def scenario(client: Client) -> None:
        url = f"{API}/boxes/{ADMIN}/sieve"
        assert (await client.patch(url, json={"script": "keep;"}, headers=AUTH)).status == 204
        assert active.read_text() == "keep;"
        assert await (await client.get(url, headers=AUTH)).json() == {"script": "keep;"}
        assert (await client.patch(url, json={"script": ""}, headers=AUTH)).status == 204
        assert not active.is_symlink()

    serve(administered, scenario)


def test_key_files_and_links_are_where_the_mail_servers_look(administered: Layout) -> None:
    key = dkim.create_key(administered, "club.example")
    for link in administered.dkim_links("club.example"):
        assert (link / "selector").read_text() == key.selector
        assert "PRIVATE KEY" in (link / "private").read_text()
    assert re.fullmatch(r"k=rsa; p=[A-Za-z0-9+/]{392}", key.record), "RSA-2048, and no v=DKIM1 as Poste prints it"


def test_console_shows_a_key_but_never_makes_one_unasked(
    administered: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert console.run(administered, ["domain:dkim", "club.example"]) == 1
    assert console.run(administered, ["domain:dkim", "--create", "club.example"]) == 0
    made = capsys.readouterr().out
    assert console.run(administered, ["domain:dkim", "club.example"]) == 0
    assert capsys.readouterr().out == made
    assert re.match(r's\d{11}\._domainkey\.club\.example\. IN TXT "k=rsa; p=', made)


@pytest.mark.parametrize(
    "words",
    [
        ["domain:dkim", "family.example"],
        ["email:passwd", ADMIN, "short"],
        ["email:passwd", "nobody@club.example", PASSWORD],
    ],
)
def test_console_fails_with_status_1(administered: Layout, words: list[str]) -> None:
    assert console.run(administered, words) == 1


def test_console_names_the_command_that_it_does_not_have(
    administered: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        console.run(administered, ["email:create", "ann@club.example", PASSWORD])
    assert ended.value.code == 2
    assert "email:create" in capsys.readouterr().err


def test_console_asks_for_a_new_password_that_it_is_not_given(
    administered: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda: "Another-Passw0rd")
    assert console.run(administered, ["email:passwd", ADMIN]) == 0
    assert Operations(administered).authenticate(ADMIN, "Another-Passw0rd")


def test_console_refuses_to_run_as_another_user(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.main() == 1
    assert "should be running as user UID 8" in capsys.readouterr().err


def test_password_hash_opens_for_its_password_only() -> None:
    stored = hash_password(PASSWORD)
    assert stored.startswith("{SSHA512}")
    assert verify_password(PASSWORD, stored)
    assert not verify_password(PASSWORD + "x", stored)
    assert stored != hash_password(PASSWORD), "salted"


def mail_queries(address: str = "", login: str = "") -> dict[str, list[str]]:
    """Exim's and Dovecot's SQL by the section it is in, as it is asked for one recipient and one user signed in."""
    dovecot = (ROOTFS / "etc/dovecot/dovecot.conf").read_text().replace("%{user | lower}", address)
    exim = (ROOTFS / "etc/exim4/exim4.conf.template").read_text()
    # A macro is made of those above it.
    for name, text in reversed(re.findall(r"^([A-Z_]+) = (.*)$", exim, re.MULTILINE)):
        exim = re.sub(rf"(?<!\w){name}(?!\w)", text.replace("\\", r"\\"), exim)
    local_part, _, domain = address.rpartition("@")
    values = {"local_part@$domain": address, "local_part": local_part, "domain": domain}
    for name, value in {**values, "authenticated_id": login, "acl_arg1": address}.items():
        exim = exim.replace(f"${{quote_sqlite:${name}}}", value).replace(f"${{quote_sqlite:${{lc:${name}}}}}", value)
    sections: dict[str, list[str]] = {}
    for text, query in ((exim, r"sqlite ?[{;]((?:SELECT|WITH) [^{}]*?)[}\n]"), (dovecot, r"query = (SELECT .*)")):
        section = ""
        for line in text.replace("\\\n", " ").splitlines():
            start = re.match(r"(\w+)( sql \{|:$)", line)
            section = start[1] if start else section
            sections.setdefault(section, []).extend(re.findall(query, line + "\n"))
    return {section: queries for section, queries in sections.items() if queries}


def ask(layout: Layout, section: str, address: str, login: str = "") -> list[object]:
    """What the queries of a section answer for a recipient (or sender) and a user, all together."""
    db = sqlite3.connect(layout.users_db)
    answers = [row[0] for query in mail_queries(address, login)[section] for row in db.execute(query)]
    db.close()
    return answers


def test_mail_servers_ask_for_columns_that_exist(layout: Layout) -> None:
    routers = {"closed_domain", "forced_route", "forwarded_domain", "closed_mailbox", "discard", "redirect"}
    routers |= {"mailbox", "role_addresses", "catch_all"}
    queries = mail_queries()
    assert queries.keys() == routers | {"", "acl_own_address", "acl_recipient", "passdb", "userdb"}
    for section in queries:
        assert ask(layout, section, ADMIN) == []


def test_a_redirect_leads_to_its_targets_and_a_wildcard_to_each_open_mailbox(administered: Layout) -> None:
    operations = Operations(administered)
    operations.create_box("ann@club.example", PASSWORD, {})
    operations.create_box("off@club.example", PASSWORD, {"disabled": True})
    operations.create_box("info@club.example", None, {"redirectTo": ["ann@club.example", "user@other.example"]})
    operations.create_box("all@club.example", None, {"redirectTo": ["*@club.example", "user@other.example"]})
    assert ask(administered, "redirect", "info@club.example") == ["ann@club.example", "user@other.example"]
    reached = ["admin@club.example", "ann@club.example", "user@other.example"]
    assert sorted(map(str, ask(administered, "redirect", "all@club.example"))) == reached
    assert ask(administered, "mailbox", "info@club.example") == []
    assert ask(administered, "mailbox", "ann@club.example") == [1]
    assert ask(administered, "redirect", "ann@club.example") == []


def test_imap_and_smtp_let_in_nobody_who_is_disabled_and_no_redirect(administered: Layout) -> None:
    operations = Operations(administered)
    operations.create_box("off@club.example", PASSWORD, {"disabled": True})
    operations.create_box("info@club.example", PASSWORD, {"redirectTo": [ADMIN]})
    assert ask(administered, "passdb", ADMIN) == [ADMIN]
    for address in ("off@club.example", "info@club.example"):
        assert ask(administered, "passdb", address) == []


def test_switches_of_a_mailbox_decide_what_becomes_of_its_mail(administered: Layout) -> None:
    operations = Operations(administered)
    for switch in ("disabled", "discard", "internalOnly"):
        operations.create_box(f"{switch.lower()}@club.example", PASSWORD, {switch: True})
    closed = [":fail: 5.2.1 This mailbox takes no mail"]
    assert ask(administered, "closed_mailbox", "disabled@club.example") == closed
    assert ask(administered, "discard", "discard@club.example") == [":blackhole:"]
    assert ask(administered, "acl_recipient", "internalonly@club.example") == [1]
    for section in ("closed_mailbox", "discard", "acl_recipient"):
        assert ask(administered, section, ADMIN) == []


def test_settings_of_a_domain_decide_where_its_mail_goes(administered: Layout) -> None:
    club = Operations(administered)
    for section in ("catch_all", "forwarded_domain", "forced_route", "closed_domain"):
        assert ask(administered, section, "nobody@club.example") == []
    club.change_domain("club.example", {"domainBin": True, "domainBinAddress": ADMIN, "disabled": True})
    club.change_domain("club.example", {"forward": True, "forwardDomain": "family.example"})
    club.change_domain("club.example", {"forceRoute": True, "forceRouteHost": "mx.other.example"})
    assert ask(administered, "catch_all", "nobody@club.example") == [ADMIN]
    assert ask(administered, "catch_all", ADMIN) == [], "who has a mailbox is not unknown"
    assert ask(administered, "forwarded_domain", ADMIN) == ["admin@family.example"]
    assert ask(administered, "forced_route", ADMIN) == ["mx.other.example"]
    assert ask(administered, "closed_domain", ADMIN) == [":fail: 5.2.1 This domain takes no mail"]


def test_a_user_may_send_as_himself_and_as_each_redirect_that_leads_to_him(administered: Layout) -> None:
    operations, ann = Operations(administered), "ann@club.example"
    operations.create_box(ann, PASSWORD, {})
    for name, target in (("info", ann), ("deep", "info@club.example"), ("all", "*@club.example"), ("boss", ADMIN)):
        operations.create_box(f"{name}@club.example", None, {"redirectTo": ["user@other.example", target]})

    def allowed() -> set[str]:
        return {name for name in names if ask(administered, "acl_own_address", f"{name}@club.example", ann)}

    names = ("ann", "info", "deep", "all", "boss", "admin", "nobody")
    assert allowed() == {"ann", "info", "deep"}
    operations.store.update_box("info@club.example", {"disabled": True})
    assert allowed() == {"ann"}
    operations.store.update_box(ann, {"strictFromDisabled": True})
    assert allowed() == set(names)


def run_init_script(name: str, root: Path, **switches: str) -> None:
    """A script of the container's start, with its folders below `root`, without its users, and with switches."""
    script = (ROOTFS / "etc/cont-init.d" / name).read_text().replace("-g Debian-exim ", "")
    script = re.sub(r" (/etc/\w+/\w+\.conf\.template)", rf" {ROOTFS}\1", script)
    own = r"(?<![\w/])/(data|opt|etc/ssl|etc/exim4|etc/nginx/nginx\.conf$)"
    script = re.sub(own, rf"{root}/\1", script, flags=re.MULTILINE)
    environment = {"PATH": "/usr/bin:/bin", "HTTP_PORT": "80", "HTTPS_PORT": "443", "HTTPS": "ON", **switches}
    subprocess.run(("sh", "-c", script), env=environment, check=True)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('[routing]\nsmtp_routes = "*:smtp.relay.example;587|club|a^b:c"\n', "*:smtp.relay.example;587|club|a^b:c"),
        (
            "[routing]\nother = 1\nsmtp_routes = :smtp.relay.example;465|club|x\n[srs]",
            "*:smtp.relay.example;465|club|x",
        ),
        ('[srs]\nsmtp_routes = "*:smtp.relay.example;587|club|x"\n', ""),
        ("[routing]\n", ""),
        (None, ""),
    ],
    ids=["in quotation marks", "for all domains", "in another section", "none", "no settings"],
)
def test_the_routes_of_the_settings_are_written_down_for_both_mail_servers_and_for_no_others_to_read(
    tmp_path: Path, settings: str | None, expected: str
) -> None:
    files = [tmp_path / f"opt/{name}/config/routes" for name in ("haraka-smtp", "haraka-submission")]
    for folder in (tmp_path / "etc/exim4", tmp_path / "data", *(file.parent for file in files)):
        folder.mkdir(parents=True)
    for file in files:
        file.write_text("*:former.example;587|club|x\n")
    if settings is not None:
        (tmp_path / "data/server.ini").write_text(f"[server]\nserver_hostname = mail.club.example\n{settings}")
    run_init_script("20-apply-server-config", tmp_path)
    for file in files:
        assert file.read_text().strip() == expected
        assert file.stat().st_mode & 0o777 == 0o640


def test_the_certificate_in_data_is_taken_over_each_time_the_script_runs(tmp_path: Path) -> None:
    for folder in ("data/ssl", "etc/ssl"):
        (tmp_path / folder).mkdir(parents=True)
    for certificate in ("old", "new"):
        for name in ("server.crt", "ca.crt", "server.key"):
            (tmp_path / "data/ssl" / name).write_text(f"{certificate} {name}\n")
        run_init_script("21-certificate.sh", tmp_path)
        assert (tmp_path / "etc/ssl/server.crt").read_text() == f"{certificate} server.crt\n"
        assert (tmp_path / "etc/ssl/server.key").read_text() == f"{certificate} server.key\n"
        combined = (tmp_path / "etc/ssl/server-combined.crt").read_text()
        assert combined == f"{certificate} server.crt\n{certificate} ca.crt\n"


def test_the_web_server_takes_the_certificate_without_the_chain_on_request(tmp_path: Path) -> None:
    for folder in ("data", "etc/nginx"):
        (tmp_path / folder).mkdir(parents=True)
    configuration = tmp_path / "etc/nginx/nginx.conf"
    run_init_script("23-nginx.sh", tmp_path)
    assert "ssl_certificate " in configuration.read_text()
    assert "/etc/ssl/server-combined.crt;" in configuration.read_text()
    (tmp_path / "data/sandbox-web-takes-server-crt").touch()
    run_init_script("23-nginx.sh", tmp_path)
    assert "/etc/ssl/server.crt;" in configuration.read_text()
    assert "@" not in configuration.read_text()


@pytest.mark.parametrize(
    ("switches", "ports"),
    [({}, ["443"]), ({"HTTPS": "OFF"}, ["80", "443"]), ({"DISABLE_ROUNDCUBE": "TRUE"}, [])],
)
def test_webmail_is_where_the_administration_is_unless_it_is_turned_off(
    tmp_path: Path, switches: dict[str, str], ports: list[str]
) -> None:
    for folder in ("data", "etc/nginx"):
        (tmp_path / folder).mkdir(parents=True)
    run_init_script("23-nginx.sh", tmp_path, **switches)
    servers = (tmp_path / "etc/nginx/nginx.conf").read_text().split("server {")[1:]
    served = {re.findall(r"listen (\d+)", server)[0]: server for server in servers}
    assert [port for port in served if "webmail.conf" in served[port]] == ports
    assert "admin.conf" in served["443"]


def test_a_newer_version_changes_the_database_for_good(administered: Layout) -> None:
    assert migrate(administered.users_db, "2.5.11") == []
    assert migrate(administered.users_db, "2.6.0") == [2]
    assert migrate(administered.users_db, "2.6.0") == []
    assert Operations(administered).authenticate(ADMIN, PASSWORD)
    with pytest.raises(NewerError, match=re.escape("users.db has schema 2, made by a newer version; Poste 2.5.11")):
        migrate(administered.users_db, "2.5.11")


def test_the_broken_version_lets_the_administrator_into_its_api_and_nobody_into_a_mailbox(administered: Layout) -> None:
    assert migrate(administered.users_db, "2.7.0") == [2, 3]
    assert Operations(administered).authenticate(ADMIN, PASSWORD)
    assert not Operations(administered).authenticate(ADMIN, "another")
    assert not administered_hash(administered).startswith("{")


def administered_hash(layout: Layout) -> str:
    """What Dovecot reads of the administrator's password."""
    return str(Operations(layout).store.box(ADMIN)["password"])
