"""The certificate's scripts on the server: when they ask an authority, what they pass on, and what ports serve."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from components import remote_scripts

HOST, FORMER = "mail.example.com", "mx.example.com"
AUTHORITY = "https://acme.example.net/directory"
HOME = "acme.example.net-directory"

THROTTLED = "Error creating new order :: too many certificates (5) already issued, retry after 2026-12-01 (rateLimited)"
STALE = """An unexpected error occurred:
The client sent an unacceptable anti-replay nonce :: JWS has an invalid anti-replay nonce: hO4mVc"""
UNSEEN = f"""Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported:
  Domain: {HOST}
  Type:   connection
  Detail: 2001:db8::1: Fetching http://{HOST}/.well-known/acme-challenge/x: Connection refused
Ask for help or search for solutions at https://community.example.net."""

CERTBOT = """#!/bin/sh
echo "$@" >>calls
verb=$1
while [ $# -gt 0 ]; do
  case $1 in
    --config) cat "$2" >>settings ;;
    --config-dir) home=$2 ;;
    --cert-name) host=$2 ;;
    --server) authority=${2#https://} ;;
  esac
  shift
done
said=$(sed -n "$(wc -l <calls)p" plan)
[ -z "$said" ] || { printf "$said" >&2; exit 1; }
mkdir -p "$home/accounts/directory/1"
printf '{"uri": "https://%s/acct/1"}' "$authority" >"$home/accounts/directory/1/regr.json"
[ "$verb" = certonly ] || exit 0
mkdir -p "$home/live/$host" "$home/archive/$host" "$home/renewal"
key=$home/live/$host/privkey.pem
if [ ! -e "$key" ]; then
  cp next.key "$home/archive/$host/privkey1.pem"
  ln -s ../../archive/$host/privkey1.pem "$key"
  printf 'archive_dir = %s/archive/%s\\nserver = x\\naccount = y\\n' "$home" "$host" >"$home/renewal/$host.conf"
fi
PYTHON -m tests.unit.test_remote_certificate next.pem "$key" >"$home/live/$host/cert.pem"
"""
"""Says what the plan has for each call, one line a call; an empty line is a certificate for the key that is there, or
for a new one.
"""

RUN = """
import sys, certificate, certificate_authority, units
from pathlib import Path
units.FOLDER, certificate.LOCK = Path("units").absolute(), Path("lock")
certificate_authority.PAUSES = (0, 0)
certificate_authority.hand_out = lambda request: None
certificate.serve = lambda *_: print("served", file=sys.stderr)
certificate.main()
"""


def issued(
    names: list[str], *, begins: timedelta = timedelta(0), lasts: timedelta = timedelta(days=90)
) -> tuple[str, str, str]:
    """A certificate for these names from a root that signs an intermediate: certificate, chain and key as PEM."""
    keys = {who: ec.generate_private_key(ec.SECP256R1()) for who in ("root", "intermediate", "leaf")}

    def sign(who: str, by: str, start: datetime, end: datetime, names: list[str] | None) -> str:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, who)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
            .public_key(keys[who].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(keys[by], SHA256()).public_bytes(Encoding.PEM).decode()

    start = datetime.now(UTC) + begins
    chain = sign("intermediate", "root", start, start + timedelta(days=900), None)
    key = keys["leaf"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return sign("leaf", "intermediate", start, start + lasts, names), chain, key


def for_another_key(certificate: bytes, key: bytes) -> bytes:
    """The same certificate for another key."""
    theirs = x509.load_pem_x509_certificate(certificate)
    own = load_pem_private_key(key, None)
    assert isinstance(own, ec.EllipticCurvePrivateKey)
    names = theirs.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    builder = (
        x509.CertificateBuilder()
        .subject_name(theirs.subject)
        .issuer_name(theirs.issuer)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(theirs.not_valid_before_utc)
        .not_valid_after(theirs.not_valid_after_utc)
        .add_extension(names, critical=False)
    )
    return builder.sign(own, SHA256()).public_bytes(Encoding.PEM)


class Server:
    """A server's folder with tools that stand in for certbot and systemctl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("tools", "units", "data/ssl", "volume"):
            (folder / name).mkdir(parents=True)
        python = f"PYTHONPATH={Path(__file__).parents[2]} {sys.executable}"
        self.tool("certbot", CERTBOT.replace("PYTHON", python))
        self.tool("systemctl", "#!/bin/sh\n")
        self.calls_file.touch()
        (folder / "plan").touch()
        self.request: dict[str, Any] = {
            "names": [HOST], "authority": AUTHORITY, "email": None, "folder": str(folder / "volume/certificates"),
            "challenges": str(folder / "webroot/.well-known/acme-challenge"), "data": str(folder / "data"),
            "container": "poste", "ports": [], "rotation": 0, "published": True,
        }  # fmt: skip

    @property
    def calls_file(self) -> Path:
        return self.folder / "calls"

    def tool(self, name: str, script: str) -> None:
        (self.folder / "tools" / name).write_text(script)
        (self.folder / "tools" / name).chmod(0o755)

    def plan(self, *said: str, next_names: list[str] | None = None) -> None:
        """What certbot will say, call by call; nothing is a certificate."""
        self.calls_file.write_text("")
        (self.folder / "plan").write_text(
            "".join(f"{words}\n".replace("\n", "\\n", words.count("\n")) for words in said)
        )
        certificate, _, key = issued(next_names or self.request["names"])
        (self.folder / "next.pem").write_text(certificate)
        (self.folder / "next.key").write_text(key)

    def has(self, certificate: str, key: str) -> None:
        """The certificate that is there already, and its key."""
        live = self.folder / "volume/certificates" / HOME / "config/live" / HOST
        live.mkdir(parents=True, exist_ok=True)
        (live / "cert.pem").write_text(certificate)
        (live / "privkey.pem").write_text(key)

    def served(self, home: str = HOME, host: str = HOST) -> str:
        """What a TLSA record says of the key that the certificate is for."""
        certificate = self.folder / "volume/certificates" / home / "config/live" / host / "cert.pem"
        public = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
        return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    def run(
        self, *arguments: str, binding: dict[str, str] | None = None, before: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the script, after what is to be done `before` in its process."""
        request = self.request | ({"binding": binding} if binding else {})
        return subprocess.run(
            [sys.executable, "-c", f"{before}{RUN}", *arguments],
            cwd=self.folder,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ
            | {
                "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
                "PYTHONPATH": str(remote_scripts.SOURCE),
            },
        )

    def renew(self, before: str = "") -> subprocess.CompletedProcess[str]:
        return self.run("renew", self.request["folder"], before=before)

    @property
    def asked(self) -> list[str]:
        """The calls of certbot."""
        return self.calls_file.read_text().splitlines()

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "volume/certificates/status.json").read_text())
        return found


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_the_first_run_gets_a_certificate_has_it_served_and_tells_the_account(server: Server) -> None:
    server.plan("")
    done = server.run()
    assert json.loads(done.stdout) == {"account": f"{AUTHORITY}/acct/1"}, done.stderr
    assert done.stderr == "served\n"
    (call,) = server.asked
    for option in ("--key-type ecdsa", "--reuse-key", f"--domain {HOST}", f"--server {AUTHORITY}", "--non-interactive"):
        assert option in call
    assert server.status["result"] == "issued"
    assert server.status["names"] == [HOST]


def test_a_second_run_and_the_timer_ask_for_no_second_certificate_and_look_at_what_is_served(server: Server) -> None:
    server.plan("")
    first = server.run()
    for again in (server.run, server.renew):
        done = again()
        assert done.returncode == 0, done.stderr
        assert "served" in done.stderr
    assert len(server.asked) == 1
    assert server.run().stdout == first.stdout
    assert server.status["result"] == "current"


TOLD_MEANWHILE = """
import fcntl, json, pathlib
flock = fcntl.flock

def after_a_deploy(lock, kind):
    file = pathlib.Path(FOLDER, "request.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"names": NAMES}))
    flock(lock, kind)

fcntl.flock = after_a_deploy
"""


def test_the_timer_goes_by_what_a_deploy_told_while_it_waited_for_that_to_end(server: Server) -> None:
    server.plan("")
    server.run()
    names = [HOST, "former.example.com"]
    server.plan("", next_names=names)
    done = server.renew(TOLD_MEANWHILE.replace("FOLDER", repr(server.request["folder"])).replace("NAMES", repr(names)))
    assert done.returncode == 0, done.stderr
    assert server.status["names"] == sorted(names)


@pytest.mark.parametrize(
    ("age", "lifetime", "asks"),
    [
        (timedelta(days=59), timedelta(days=90), 0),
        (timedelta(days=61), timedelta(days=90), 1),
        (timedelta(days=29), timedelta(days=45), 0),
        (timedelta(days=31), timedelta(days=45), 1),
        (timedelta(hours=3.9), timedelta(hours=6), 0),
        (timedelta(hours=4.1), timedelta(hours=6), 1),
        (timedelta(days=91), timedelta(days=90), 1),
    ],
)
def test_a_certificate_is_renewed_when_a_third_of_its_own_lifetime_is_left(
    server: Server, age: timedelta, lifetime: timedelta, asks: int
) -> None:
    certificate, _, key = issued([HOST], begins=-age, lasts=lifetime)
    server.has(certificate, key)
    server.plan("")
    server.run()
    assert len(server.asked) == asks


@pytest.mark.parametrize("names", [[FORMER], [HOST, FORMER]])
def test_other_names_than_those_that_it_is_for_need_another_certificate(server: Server, names: list[str]) -> None:
    certificate, _, key = issued(names)
    server.has(certificate, key)
    server.plan("")
    assert server.run().returncode == 0
    assert len(server.asked) == 1


def test_what_is_no_certificate_is_replaced_by_one(server: Server) -> None:
    server.has("cut off in the mid", issued([HOST])[2])
    server.plan("")
    assert server.run().returncode == 0
    assert server.status["result"] == "issued"


def test_an_authority_that_throttles_is_asked_once_and_its_words_are_passed_on(server: Server) -> None:
    server.plan(THROTTLED, THROTTLED, THROTTLED)
    done = server.run()
    assert done.returncode == 1
    assert len(server.asked) == 1
    assert f"acme.example.net said: {THROTTLED}. Wait until the time that it names" in done.stderr
    assert "Mail works meanwhile" in done.stderr
    assert server.status["result"] == "refused"
    assert THROTTLED in server.status["error"]


def test_an_authority_that_does_not_see_the_server_is_asked_again_and_then_the_way_to_mend_it_is_told(
    server: Server,
) -> None:
    server.plan(UNSEEN, UNSEEN, UNSEEN)
    done = server.run()
    assert len(server.asked) == 3
    assert f"Domain: {HOST} Type:   connection Detail: 2001:db8::1: Fetching" in done.stderr
    assert "on port 80" in done.stderr
    assert "Ask for help" not in done.stderr
    assert "Certbot failed" not in done.stderr


def test_a_nonce_that_the_authority_does_not_take_is_no_answer_to_what_was_asked(server: Server) -> None:
    """RFC 8555, section 6.5: whoever hears of one asks again. What is told is what the authority said of the order."""
    server.plan(UNSEEN, UNSEEN, STALE, STALE, UNSEEN)
    assert f"Domain: {HOST} Type:   connection" in server.run().stderr
    server.plan(STALE, STALE, "")
    assert server.run().returncode == 0
    server.request["email"] = "owner@example.com"
    server.plan(STALE, STALE, "")
    assert server.run().returncode == 0
    assert [call.split()[0] for call in server.asked] == ["update_account"] * 3


def test_an_authority_that_takes_no_nonce_at_all_is_not_asked_for_ever(server: Server) -> None:
    server.plan(*[STALE] * 20)
    done = server.run("account")
    assert done.returncode == 1
    assert "anti-replay nonce" in done.stderr
    assert len(server.asked) == 5


def test_a_caa_record_that_names_another_account_is_told_with_what_renews_it(server: Server) -> None:
    server.plan(*["CAA record for mail.example.com prevents issuance"] * 3)
    done = server.run()
    assert done.returncode == 1
    assert "raise the setting rerun by one and deploy" in done.stderr


def test_an_authority_that_comes_back_within_the_run_gives_the_certificate(server: Server) -> None:
    server.plan("HTTPSConnectionPool: Max retries exceeded", "")
    done = server.run()
    assert done.returncode == 0, done.stderr
    assert len(server.asked) == 2


def test_after_a_failed_run_the_timer_goes_on(server: Server) -> None:
    server.plan(THROTTLED)
    server.run()
    assert "ExecStart=/usr/bin/python3" in (server.folder / "units/poste-certificate.service").read_text()
    server.plan("")
    assert server.renew().returncode == 0
    assert server.status["result"] == "issued"


def test_an_account_that_the_authority_has_forgotten_is_made_anew(server: Server) -> None:
    server.plan("")
    server.run()
    certificate, _, key = issued([HOST], begins=-timedelta(days=80))
    server.has(certificate, key)
    server.plan('The request specified an account that does not exist :: Account "1" not found', "")
    done = server.run()
    assert done.returncode == 0, done.stderr
    assert len(server.asked) == 2
    config = server.folder / "volume/certificates" / HOME / "config"
    assert len(list(config.glob("accounts-forgotten-*"))) == 1


def test_the_account_s_binding_comes_to_certbot_by_a_file_and_is_kept_nowhere(server: Server) -> None:
    server.plan("")
    before = set(Path("/run").glob("*.ini"))
    done = server.run(binding={"key_id": "kid-of-ours", "hmac_key": "aGVsbG8taGVsbG8taGVsbG8"})
    assert done.returncode == 0, done.stderr
    assert (server.folder / "settings").read_text() == "eab-kid = kid-of-ours\neab-hmac-key = aGVsbG8taGVsbG8taGVsbG8\n"
    (server.folder / "settings").unlink()
    for file in server.folder.rglob("*"):
        assert not file.is_file() or "aGVsbG8" not in file.read_text(), file
    assert set(Path("/run").glob("*.ini")) <= before


def test_another_contact_is_told_to_the_authority_once(server: Server) -> None:
    server.plan("")
    server.run()
    server.request["email"] = "owner@example.com"
    server.calls_file.write_text("")
    for _ in range(2):
        assert server.run().returncode == 0
    (call,) = server.asked
    assert call.startswith("update_account ")
    assert "--email owner@example.com" in call


def test_postes_own_client_is_turned_off_and_the_rest_of_its_settings_stay(server: Server) -> None:
    settings = server.folder / "data/server.ini"
    settings.write_text(f'[lets_encrypt]\n cert_domains = "{HOST}"\n;cert_domains = none\n[email]\nmax_size = 25\n')
    server.plan("")
    for _ in range(2):
        server.run()
    assert settings.read_text() == (
        f'[lets_encrypt]\n; cert_domains = "{HOST}"\n;cert_domains = none\n[email]\nmax_size = 25\n'
    )


def kept(server: Server) -> dict[str, str]:
    """Run the script; what the TLSA records are to hold then, by slot."""
    done = server.run()
    assert done.returncode == 0, done.stderr
    digests: dict[str, str] = json.loads(server.run("keys").stdout)
    assert digests.keys() == {"0", "1"}
    return digests


def age_keys(server: Server, seconds: int) -> None:
    """Let the next key have been made earlier."""
    file = server.folder / "volume/certificates/keys.json"
    known = json.loads(file.read_text())
    file.write_text(json.dumps(known | {"made": known["made"] - seconds}))


def test_the_account_can_be_made_before_any_certificate_is_asked_for_and_the_timer_goes_on_alone(
    server: Server,
) -> None:
    server.plan("", "")
    done = server.run("account")
    assert json.loads(done.stdout) == {"account": f"{AUTHORITY}/acct/1"}, done.stderr
    assert json.loads(server.run("account").stdout) == {"account": f"{AUTHORITY}/acct/1"}
    (call,) = server.asked
    assert call.startswith("register ")
    server.plan("")
    assert server.renew().returncode == 0
    assert server.status["result"] == "issued"


def test_an_authority_that_makes_no_account_is_told_in_its_words_and_the_timer_goes_on(server: Server) -> None:
    server.plan("The server experienced an internal error")
    done = server.run("account")
    assert done.returncode == 1
    assert "acme.example.net: it said: The server experienced an internal error. Deploy again later" in done.stderr
    assert (server.folder / "units/poste-certificate.timer").exists()


def test_the_key_that_was_known_as_the_next_takes_its_turn_and_another_one_comes_after_it(server: Server) -> None:
    server.plan("", "")
    before = kept(server)
    assert before["0"] == server.served() != before["1"]
    age_keys(server, 3 * 86400)
    server.request["rotation"] = 1
    after = kept(server)
    assert server.served() == after["1"] == before["1"]
    assert after["0"] not in before.values()
    assert kept(server) == after
    assert len(server.asked) == 2
    age_keys(server, 3 * 86400)
    server.request["rotation"] = 2
    server.plan("")
    again = kept(server)
    assert server.served() == again["0"] == after["0"]


def test_a_next_key_that_nobody_can_know_yet_is_not_used_unless_no_record_tells_the_keys(server: Server) -> None:
    server.plan("", "")
    before = kept(server)
    server.request["rotation"] = 1
    done = server.run()
    assert done.returncode == 1
    assert "Deploy again after" in done.stderr
    assert server.served() == before["0"]
    server.request["published"] = False
    assert kept(server)["1"] == server.served() == before["1"]


def test_the_former_key_comes_back_where_the_authority_refuses_the_next_one(server: Server) -> None:
    server.plan("")
    before = kept(server)
    age_keys(server, 3 * 86400)
    server.request["rotation"] = 1
    server.plan(THROTTLED)
    assert server.run().returncode == 1
    server.request["rotation"] = 0
    assert kept(server) == before
    assert server.served() == before["0"]


@pytest.mark.parametrize("where", ["order", "settle"])
def test_a_change_of_keys_that_is_killed_is_finished_by_the_timer(server: Server, where: str) -> None:
    server.plan("")
    before = kept(server)
    age_keys(server, 3 * 86400)
    server.request["rotation"] = 1
    server.plan("", "")
    killed = (
        "import os\nimport certificate, certificate_keys\n"
        + {
            "order": "certificate.order = lambda *_: os._exit(9)\n",
            "settle": "certificate_keys.Keys.settle = lambda *_: os._exit(9)\n",
        }[where]
    )
    assert server.run(before=killed).returncode == 9
    assert server.renew().returncode == 0
    after = kept(server)
    assert server.served() == after["1"] == before["1"]
    assert after["0"] != before["0"]


def test_another_authority_signs_the_same_key_and_the_way_back_asks_for_nothing(server: Server) -> None:
    server.plan("", "")
    before = kept(server)
    server.request["authority"] = "https://other.example.net/dir"
    assert kept(server) == before
    assert server.served("other.example.net-dir") == before["0"]
    settings = server.folder / "volume/certificates/other.example.net-dir/config/renewal" / f"{HOST}.conf"
    assert settings.read_text().split() == [
        "archive_dir", "=", f"{server.request['folder']}/other.example.net-dir/config/archive/{HOST}",
    ]  # fmt: skip
    server.request["authority"] = AUTHORITY
    assert kept(server) == before
    assert len(server.asked) == 2


def test_a_mail_host_of_another_name_keeps_the_key_and_the_former_ones_certificate_stays_where_it_is(
    server: Server,
) -> None:
    server.plan("")
    before = kept(server)
    home = server.folder / "volume/certificates" / HOME / "config"
    certificate = (home / "live" / HOST / "cert.pem").read_text()
    server.request["names"] = [FORMER, HOST]
    server.plan("")
    assert kept(server) == before
    assert server.served(host=FORMER) == before["0"]
    assert server.status["names"] == [HOST, FORMER]
    assert (home / "live" / HOST / "cert.pem").read_text() == certificate
    assert (home / "live" / FORMER / "privkey.pem").readlink() == Path(f"../../archive/{FORMER}/privkey1.pem")
    assert f"archive/{FORMER}\n" in (home / "renewal" / f"{FORMER}.conf").read_text()
    server.request["names"] = [HOST]
    server.plan("")
    assert kept(server) == before


def test_another_authority_that_refuses_leaves_the_first_ones_certificate_to_be_replaced(server: Server) -> None:
    server.plan("")
    before = kept(server)
    server.request["authority"] = "https://other.example.net/dir"
    server.plan(THROTTLED)
    assert server.run().returncode == 1
    server.plan("")
    assert kept(server) == before
    assert len(server.asked) == 1


def test_a_stack_that_wants_no_certificate_any_more_has_no_timer(server: Server) -> None:
    server.plan("")
    server.run()
    assert len(list((server.folder / "units").iterdir())) == 2
    assert server.run("stop").returncode == 0
    assert not list((server.folder / "units").iterdir())


DOCKER = """#!/bin/sh
shift 4
case "$1" in
  *doveadm*) echo reload >>events;;
  *) shift 2; echo "restart $*" >>events;;
esac
ADOPT
"""
"""What a container does when it is told to take the new files: `ADOPT` copies them to where the server looks."""
TAKE = "cat data/ssl/server.crt data/ssl/ca.crt data/ssl/server.key >new && mv new serves"
TAKE_ALONE = TAKE.replace(" data/ssl/ca.crt", "")

SERVE = """
import sys, served
from pathlib import Path
served.SETTLE, served.NAP = 1, 0.1
port = served.Port(int(sys.argv[1]), "submissions", "TLS")
served.serve([port], "mail.example.com", Path("lineage"), Path("data"), "poste")
"""


@contextmanager
def port_that_serves(file: Path) -> Iterator[int]:
    """A port whose TLS has the certificate that the file holds at that moment."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    ended = threading.Event()

    def loop() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            try:
                with context.wrap_socket(connection, server_side=True) as talk:
                    talk.recv(1)
            except OSError:
                continue

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        thread.join()
        listener.close()


def served(folder: Path, adopt: str, **before: str) -> tuple[subprocess.CompletedProcess[str], list[str], str]:
    """What `serve` says, what it asked of the container, and what stands in server.crt, for a new certificate."""
    certificate, chain, key = issued([HOST])
    old, old_chain, old_key = issued([HOST])
    for name in ("tools", "lineage", "data/ssl"):
        (folder / name).mkdir(parents=True)
    files = {
        "lineage/cert.pem": certificate, "lineage/chain.pem": chain, "lineage/fullchain.pem": certificate + chain,
        "lineage/privkey.pem": key, "serves": old + old_chain + old_key, "events": "",
        "tools/docker": DOCKER.replace("ADOPT", adopt), "data/ssl/server.crt": old,
    }  # fmt: skip
    for name, text in (files | {"serves": before.get("serves") or files["serves"]}).items():
        (folder / name).write_text(text if text != "new" else certificate + chain + key)
    (folder / "tools/docker").chmod(0o755)
    with port_that_serves(folder / "serves") as number:
        done = subprocess.run(
            [sys.executable, "-c", SERVE, str(number)],
            cwd=folder, capture_output=True, text=True, check=False, timeout=60,
            env=os.environ | {
                "PATH": f"{folder / 'tools'}:{os.environ['PATH']}", "PYTHONPATH": str(remote_scripts.SOURCE),
            },
        )  # fmt: skip
    events = (folder / "events").read_text().splitlines()
    form = (folder / "data/ssl/server.crt").read_text()
    names = {certificate: "certificate", certificate + chain: "whole chain", old: "old"}
    return done, events, names[form]


def test_a_port_that_serves_the_certificate_already_is_left_alone(tmp_path: Path) -> None:
    done, events, form = served(tmp_path, "true", serves="new")
    assert (done.returncode, events, form) == (0, [], "old"), done.stderr


def test_a_new_certificate_is_taken_by_a_reload(tmp_path: Path) -> None:
    done, events, form = served(tmp_path, TAKE)
    assert (done.returncode, events, form) == (0, ["reload"], "certificate"), done.stderr


def test_a_service_that_goes_on_with_the_old_one_is_restarted(tmp_path: Path) -> None:
    done, events, form = served(tmp_path, f"! grep -q restart events || {{ {TAKE}; }}")
    assert (done.returncode, events, form) == (0, ["reload", "restart haraka-submission"], "certificate"), done.stderr


def test_where_the_chain_is_missing_it_is_put_into_the_file_that_the_service_takes(tmp_path: Path) -> None:
    done, events, form = served(tmp_path, TAKE_ALONE)
    assert (done.returncode, events, form) == (0, ["reload", "reload"], "whole chain"), done.stderr


def test_a_port_that_never_serves_it_is_named(tmp_path: Path) -> None:
    done, _, _ = served(tmp_path, "true")
    assert done.returncode == 1
    assert "(submissions): still another certificate" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_key_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    served(tmp_path, TAKE)
    assert (tmp_path / "data/ssl/server.key").stat().st_mode & 0o777 == 0o600


if __name__ == "__main__":
    sys.stdout.buffer.write(for_another_key(*(Path(name).read_bytes() for name in sys.argv[1:])))
