"""The Poste stand-in: installer, REST API, console, DKIM files, and what its start makes of certificates."""

import asyncio
import re
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, encode_basic_auth
from aiohttp.test_utils import TestClient, TestServer

from offline.sandbox.poste.admin import console, dkim
from offline.sandbox.poste.admin.layout import Layout
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
        async with TestClient(TestServer(make_app(layout, apply_settings, webmail=True))) as client:
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
        {"redirectTo": "bob@club.example"},
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


def test_mail_servers_ask_for_columns_that_exist(layout: Layout) -> None:
    dovecot = (ROOTFS / "etc/dovecot/dovecot.conf").read_text().replace("\\\n", " ")
    exim = (ROOTFS / "etc/exim4/exim4.conf.template").read_text().replace(" BOX", " FROM mailboxes WHERE address = ''")
    queries = re.findall(r"query = (SELECT .*)", dovecot) + re.findall(r"sqlite \{(SELECT [^{}]*)\}", exim)
    assert len(queries) == 6
    with sqlite3.connect(layout.users_db) as db:
        for query in queries:
            db.execute(query)
    db.close()


def run_init_script(name: str, root: Path) -> None:
    """A script of the container's start, with its folders below `root` and without its users."""
    script = (ROOTFS / "etc/cont-init.d" / name).read_text().replace("-g Debian-exim ", "")
    script = script.replace(" /etc/nginx/nginx.conf.template", f" {ROOTFS}/etc/nginx/nginx.conf.template")
    script = re.sub(r"(?<![\w/])/(data|etc/ssl|etc/nginx/nginx\.conf$)", rf"{root}/\1", script, flags=re.MULTILINE)
    environment = {"PATH": "/usr/bin:/bin", "HTTP_PORT": "80", "HTTPS_PORT": "443", "HTTPS": "ON"}
    subprocess.run(("sh", "-c", script), env=environment, check=True)


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
