"""A server whose Poste signs mail with a DKIM key, as remote/dkim.py and remote/dkim_switch.py find it."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components import remote_scripts
from model.poste_container import LINK_SIGNERS, SIGNING_KEYS
from model.records import dkim, dkim_name
from tests.support.engine_socket import Engine
from tests.support.mail_loop import MailLoop
from tests.support.name_servers import NameServer, patience, serving_names
from tests.support.poste_api import PosteApi, serving_api
from tests.support.verify_world import make_certificate

DOMAIN = "example.com"
ADMIN, PASSWORD = f"admin@{DOMAIN}", "Admin-Rule-10"
SIGNERS = ("haraka-smtp", "haraka-submission")
SERVERS = {"ns1.other.net": "127.0.0.1", "ns2.other.net": "127.0.0.2"}
OLD = "s20230520790"

RUN = """
import importlib, json, os, pathlib, sys
import administrator, dkim_keys, engine, evidence, exclusive, name_servers, proof_mail
here, told = pathlib.Path.cwd(), json.loads(os.environ["TOLD"])
engine.SOCKET, administrator.FILE = str(here / "engine"), here / "administrator.json"
dkim_keys.KNOWN, dkim_keys.LOCKS, exclusive.LOCK = here / "scripts/dkim.json", here / "locks", here / "data-lock"
proof_mail.SUBMISSION, proof_mail.IMAPS = told["ports"]["submission"], told["ports"]["imaps"]
proof_mail.SMTP = proof_mail.SUBMISSION
evidence.DEADLINE, evidence.SURE, evidence.NAP = 3, 0.3, 0.05
name_servers.PORT, name_servers.RESOLVERS = told["dns"], here / "resolv.conf"
script = importlib.import_module(told["script"])
if told["script"] == "dkim_switch":
    script.NAP, script.SPREADING = 0.05, 0.2
    script.CHANGE = script.CHANGE.replace("100", "2").replace("150", "4")
if told["cut"]:
    place, _, name = told["cut"].partition(".")
    owner = {"shelf": dkim_keys.Shelf, "script": script}[place]
    whole = getattr(owner, name)
    def cut(*arguments, **options):
        whole(*arguments, **options)
        os._exit(137)
    setattr(owner, name, cut)
if told["dies"]:
    script.CHANGE = script.CHANGE.replace(told["dies"], f"kill -9 $$; {told['dies']}")
script.main()
"""
TOOLS = {
    "docker": """#!{python}
import os, sys
def here(text):
    for folder in ("/data/", "/opt/", "/run/s6/"):
        text = text.replace(folder, "{folder}" + folder)
    return text
arguments = list(map(here, sys.argv[3:]))
os.execvp(arguments[0], arguments)
""",
    # A signer keeps the key that it finds when it starts.
    "s6-svc": """#!/bin/sh
signer=$(basename "$2")
echo "$1 $signer" >>"{folder}/calls"
case $1 in
-d) [ -e "{folder}/stubborn" ] || touch "{folder}/down/$signer" ;;
-k) [ "$(cat "{folder}/stubborn")" = dead ] || touch "{folder}/down/$signer" ;;
-u)
  rm -f "{folder}/down/$signer"
  key="{folder}/opt/$signer/config/dkim/example.com"
  if [ -e "$key/private" ]; then cp "$key/selector" "{folder}/kept/$signer"; else rm -f "{folder}/kept/$signer"; fi ;;
esac
""",
    "s6-svstat": """#!/bin/sh
if [ -e "{folder}/down/$(basename "$1")" ]; then echo "down (exitcode 0) 1 seconds"; else echo "up (pid 1)"; fi
""",
}


@dataclass
class Api(PosteApi):
    """Poste's API, which takes the DKIM key from the files; or knows one of its own, beside them."""

    folder: Path = Path()
    own: dict[str, str] | None = None
    takes: bool = False
    """Whether it takes the key that it is given; if not, it makes one up."""

    def answer(self, method: str, path: str, body: dict[str, Any], page: int = 1) -> tuple[int, Any]:
        if path == f"/domains/{DOMAIN}":
            return 200, self.domains[DOMAIN]
        if path != f"/domains/{DOMAIN}/dkim":
            return super().answer(method, path, body, page)
        if method == "PUT":
            self.changes.append((method, path, {"selector": body.get("selector")}))
            made = rsa() if not (self.takes and "private" in body) else body
            self.own = {"selector": made.get("selector", "s20261128999"), "public": made["public"]}
            write_key(self.folder, self.own["selector"], made["private"], made["public"])
        if self.own:
            return 200, self.own
        files = {
            name: (self.folder / name).read_text() for name in ("selector", "public") if (self.folder / name).exists()
        }
        return (200, files) if len(files) == 2 else (404, {"message": "Not Found"})


@dataclass
class Loop(MailLoop):
    """Mail that is signed with what the signer was started with."""

    kept: Path = Path()
    lies: str = ""
    """A selector that it signs with whatever it was given."""

    def take(self, message: bytes) -> None:
        selector = self.lies or (self.kept.read_text().strip() if self.kept.exists() else "")
        self.signature = (
            f"DKIM-Signature: v=1; a=rsa-sha256; d={DOMAIN};\r\n s={selector}; h=from; bh=x; b=y\r\n"
            if selector
            else ""
        )
        super().take(message)


@dataclass
class Done:
    """How a script ended."""

    status: int
    errors: str
    told: Any


@dataclass
class DkimServer:
    """The server, its zone's name servers, and the two scripts."""

    folder: Path
    names: dict[str, NameServer] = field(
        default_factory=lambda: {address: NameServer() for address in SERVERS.values()}
    )
    signs_to_itself: bool = True

    def __post_init__(self) -> None:
        for name in ("tools", "scripts", "down", "kept", "data/queue", f"data/domains/{DOMAIN}"):
            (self.folder / name).mkdir(parents=True)
        for signer in SIGNERS:
            (self.folder / f"opt/{signer}/config/dkim").mkdir(parents=True)
            (self.folder / f"opt/{signer}/config/dkim/{DOMAIN}").symlink_to(self.key_folder)
        for name, text in TOOLS.items():
            tool = self.folder / "tools" / name
            tool.write_text(text.replace("{python}", sys.executable).replace("{folder}", str(self.folder)))
            tool.chmod(0o755)
        (self.folder / "administrator.json").write_text(json.dumps({"address": ADMIN, "password": PASSWORD}))
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        key = rsa()
        write_key(self.key_folder, OLD, key["private"], key["public"])
        self.restart()
        self.engine = Engine(images={"sha256:1": []})
        self.engine.run("poste", "sha256:1")
        tls = make_certificate(self.folder, ["mail.example.com"])
        self.mail = Loop(tls, PASSWORD, kept=self.folder / "kept" / SIGNERS[1])
        self.api = Api(domains={DOMAIN: {"name": DOMAIN}}, folder=self.key_folder)
        self.names["127.0.0.1"].records = {
            (DOMAIN, "NS"): [f"{name}." for name in SERVERS],
            **{(name, "A"): [address] for name, address in SERVERS.items()},
        }

    @property
    def key_folder(self) -> Path:
        return self.folder / f"data/domains/{DOMAIN}"

    @property
    def shelf(self) -> Path:
        return self.folder / f"dkim/{DOMAIN}"

    @property
    def selector(self) -> str:
        """The selector of the key in Poste's files; empty without a whole key."""
        return (self.key_folder / "selector").read_text() if (self.key_folder / "private").exists() else ""

    @property
    def signing(self) -> list[str]:
        """The selectors that the signers have."""
        files = [self.folder / "kept" / signer for signer in SIGNERS]
        return [file.read_text() if file.exists() else "" for file in files]

    def restart(self) -> None:
        """Start the container anew."""
        for signer in SIGNERS:
            subprocess.run([self.folder / "tools/s6-svc", "-u", f"/{signer}"], check=True)
        (self.folder / "calls").write_text("")

    @property
    def calls(self) -> list[str]:
        """What became of the signers since."""
        return (self.folder / "calls").read_text().splitlines()

    def publish(self, selector: str, public_key: str, *addresses: str) -> None:
        """Put a key into the zone, at all of its servers unless some are named."""
        for address in addresses or tuple(self.names):
            text = dkim(public_key)
            self.names[address].records[(dkim_name(selector, DOMAIN), "TXT")] = [f'"{text[:255]}" "{text[255:]}"']

    def noted(self, **changes: Any) -> dict[str, Any]:
        """What the server has noted of the change, after these changes of it."""
        file = self.shelf / "progress.json"
        found: dict[str, Any] = json.loads(file.read_text()) | changes
        file.write_text(json.dumps(found))
        return found

    def keys(self, rotation: int = 1, first: int = 0, **also: str) -> Done:
        """Run remote/dkim.py."""
        return self._run("dkim", {"rotation": rotation, "first": first}, **also)

    def switch(self, rotation: int = 1, *, due: str = "", ttl: int = 3600, kept: int = 604800, **also: str) -> Done:
        """Run remote/dkim_switch.py for the key that is on the shelf."""
        key = json.loads((self.shelf / f"{rotation}.json").read_text())
        request = {
            "rotation": rotation, "ttl": ttl, "kept": kept, "due": due,
            "record": {"name": dkim_name(key["selector"], DOMAIN), "text": dkim(key["public_key"])},
            "link": LINK_SIGNERS, "keys": SIGNING_KEYS, "known": str(self.folder / "known"),
        }  # fmt: skip
        return self._run("dkim_switch", request, **also)

    def _run(self, script: str, request: dict[str, Any], *, cut: str = "", dies: str = "") -> Done:
        with ExitStack() as stack:
            stack.enter_context(self.engine.serving(self.folder / "engine"))
            ports = stack.enter_context(self.mail.serving())
            url = stack.enter_context(serving_api(self.api))
            port = stack.enter_context(serving_names(self.names))
            told = {"ports": ports, "dns": port, "script": script, "cut": cut, "dies": dies}
            whole = request | {
                "url": url, "domain": DOMAIN, "container": "poste",
                "data": str(self.folder / "data"), "folder": str(self.folder / "dkim"),
            }  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-c", patience(self.names) + RUN],
                cwd=self.folder, input=json.dumps(whole), capture_output=True, text=True, check=False, timeout=60,
                env=os.environ | {
                    "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
                    "PYTHONPATH": str(remote_scripts.SOURCE), "TOLD": json.dumps(told),
                },
            )  # fmt: skip
        assert "PRIVATE" not in done.stdout + done.stderr
        return Done(done.returncode, done.stderr, json.loads(done.stdout) if done.stdout else None)


def rsa() -> dict[str, str]:
    """A key of RSA in PEM."""
    private = _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    return {"private": private, "public": _openssl("pkey", "-pubout", stdin=private)}


def write_key(folder: Path, selector: str, private: str, public: str) -> None:
    """Put a key's files where Poste has them."""
    for name, mode, text in (("private", 0o640, private), ("public", 0o644, public), ("selector", 0o644, selector)):
        (folder / name).write_text(text)
        (folder / name).chmod(mode)


def _openssl(*arguments: str, stdin: str = "") -> str:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True, text=True).stdout
