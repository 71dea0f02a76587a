"""Runs on the mail server, sent there through SSH: prints what can be seen only there, as JSON. Standard library only.

Standard input of the Python that runs it: this file, then the lines that call `report`.
"""

import importlib
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

ANSWER = 8
"""Seconds in which another server greets."""
SCRIPTS = "/opt/poste-mail"
"""Where the deploy has put its scripts, some of which are used here."""
LIMITS = {"storageLimit": "storage_limit", "countLimit": "count_limit"}
"""A quota's fields as Poste's requests name them, and as its answers do, though maybe not in every version."""
BOX = ("address", "name", "disabled", "super_admin", "redirect_to", "internal_only", "reference_id")
DOMAIN = ("name", "domain_bin", "domain_bin_address", "forward", "forward_domain")
"""What is told of each. The hash of a password, which Poste's API tells, too, never leaves the server."""


def run(*command: str) -> str:
    """What a command prints; nothing where it fails or is not installed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def docker(*arguments: str) -> str:
    return run("docker", *arguments)


def container(name: str) -> dict[str, Any] | None:
    found = json.loads(docker("inspect", name) or "[]")
    if not found:
        return None
    state, logs = found[0]["State"], found[0]["HostConfig"]["LogConfig"]
    image = json.loads(docker("image", "inspect", found[0]["Image"]) or "[{}]")[0]
    return {
        "status": state["Status"],
        "health": state.get("Health", {}).get("Status", "none"),
        "restart": found[0]["HostConfig"].get("RestartPolicy", {}).get("Name", ""),
        "reference": found[0]["Config"]["Image"],
        "image": found[0]["Image"],
        "digests": [digest.partition("@")[2] for digest in image.get("RepoDigests") or []],
        "tags": image.get("RepoTags") or [],
        "log": {"driver": logs["Type"], **(logs.get("Config") or {})},
        # The device of the /data that it has open, which a later mount does not change; 0 while it does not run.
        "device": int(docker("exec", name, "stat", "--format", "%d", "/data") or 0),
        "data": next((mount["Source"] for mount in found[0]["Mounts"] if mount["Destination"] == "/data"), ""),
    }


def disk(folder: str) -> dict[str, Any] | None:
    if not folder or not Path(folder).exists():
        return None
    space = os.statvfs(folder)
    return {
        "device": os.stat(folder).st_dev,
        "mounted": os.stat(folder).st_dev != os.stat("/").st_dev,
        "size": space.f_blocks * space.f_frsize,
        "free": space.f_bavail * space.f_frsize,
        "inodes": space.f_files,
        "free_inodes": space.f_favail,
    }


def memory() -> dict[str, int]:
    pairs = (line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    values = {key: int(value.split()[0]) * 1024 for key, value in pairs}
    return {"total": values["MemTotal"], "available": values["MemAvailable"]}


KEYS = """
show() {
  test -r "$2/private" || return 0
  echo "at $1"
  echo "selector $(cat "$2/selector")"
  if command -v openssl >/dev/null; then openssl pkey -in "$2/private" -pubout; else cat "$2/public"; fi |
    sed "s/^/public /"
}
for domain in "$@"; do
  echo "domain $domain"
  show files "/data/domains/$domain"
  for signer in haraka-smtp haraka-submission; do
    test -d "/opt/$signer" || continue
    echo "signer $signer"
    show "$signer" "/opt/$signer/config/dkim/$domain"
  done
done
"""
# The public half is taken from the private key, which is what signs: the file beside it could be of another.


def signing_keys(name: str, domains: list[str]) -> dict[str, dict[str, Any]]:
    """By domain: the key that Poste keeps, and the one that each signer finds, as selector and public half."""
    keys: dict[str, dict[str, Any]] = {}
    domain: dict[str, Any] = {}
    key: dict[str, str] = {}
    for line in docker("exec", name, "sh", "-c", KEYS, "sh", *domains).splitlines():
        word, _, rest = line.partition(" ")
        if word == "domain":
            domain = keys[rest] = {"files": None, "signers": {}}
        elif word == "signer":
            domain["signers"][rest] = None
        elif word == "at":
            key = {"selector": "", "public": ""}
            if rest == "files":
                domain["files"] = key
            else:
                domain["signers"][rest] = key
        elif word == "selector":
            key["selector"] = rest.strip()
        elif word == "public":
            key["public"] += f"{rest}\n"
    return keys


SERVICES = """
for service in /run/s6/services/*; do
  if [ -d "$service/supervise" ]; then echo "${service##*/} $(s6-svstat "$service")"; fi
done
"""


def services(name: str) -> dict[str, str]:
    """The container's services, with what their supervisor says of each, such as `up (pid 17) 5 seconds`."""
    lines = docker("exec", name, "sh", "-c", SERVICES).splitlines()
    return {service: state for service, _, state in (line.partition(" ") for line in lines)}


def firewall(table: str) -> dict[str, str]:
    """The host firewall's chains that are hooked into the kernel, by hook, with what becomes of what no rule names."""
    listed = run("nft", "--json", "list", "table", "inet", table)
    found = json.loads(listed)["nftables"] if listed else []
    chains = [entry["chain"] for entry in found if "chain" in entry]
    return {chain["hook"]: chain["policy"] for chain in chains if "hook" in chain}


def reboot() -> list[str] | None:
    """The packages that wait for a reboot; None where none is due (update-notifier's and unattended-upgrades' file)."""
    if not Path("/var/run/reboot-required").exists():
        return None
    packages = Path("/var/run/reboot-required.pkgs")
    return sorted(set(packages.read_text().split())) if packages.exists() else []


def certificate(folder: str) -> dict[str, Any]:
    """How the last try to renew the certificate went, as the server noted it, whether the next ones will come, and what
    the TLSA record of the next key holds; nothing where there is no such key.
    """
    keys = noted(folder, "keys.json")
    return {
        "status": noted(folder, "status.json"),
        "timer": timer("poste-certificate.timer"),
        "next": script("certificate_keys").digest(keys["next"]) if keys else "",
    }


def backup(folder: str) -> dict[str, Any]:
    """How the last backup and the last drill went, as the server noted it, and whether the next ones will come."""
    return {
        "status": noted(folder, "status.json"),
        "drill": noted(folder, "drill.json"),
        "timer": timer("poste-backup.timer"),
    }


def watch(folder: str) -> dict[str, Any]:
    """What the last round of the watch left, and whether the next ones will come."""
    return {"status": noted(folder, "status.json"), "timer": timer("poste-watch.timer")}


def noted(folder: str, name: str) -> Any:
    """What a script of the deploy has noted; None where there is nothing."""
    try:
        return json.loads(Path(folder, name).read_text())
    except (OSError, ValueError):
        return None


def timer(unit: str) -> str:
    """`active` for a timer that runs and will after the next boot; else what is not so."""

    def said(question: str) -> str:
        try:
            done = subprocess.run(["systemctl", question, unit], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return "unknown"
        return done.stdout.strip() or "unknown"

    now, at_boot = said("is-active"), said("is-enabled")
    return now if at_boot == "enabled" else f"{now}, {at_boot}"


def poste(url: str) -> Any:
    """A session of the administrator with Poste's API, by the deploy's scripts, which are there on the server only."""
    return script("poste_http").Poste(url, *script("administrator").known())


def script(name: str) -> Any:
    """A module of the deploy's scripts."""
    if SCRIPTS not in sys.path:
        sys.path.insert(0, SCRIPTS)
    return importlib.import_module(name)


def set_password(url: str, address: str, password: str) -> None:
    """Give a mailbox another password; prints whether there is such a mailbox."""
    sys.tracebacklimit = 0  # no line of this program, which holds the password, may stand in an error
    answer = poste(url).api("PATCH", f"/boxes/{quote(address, safe='')}", {"passwordPlaintext": password})
    if answer.status != 404 and answer.status not in range(200, 300):
        sys.exit(f"Poste's API answers {answer.status} when asked to set the password of {address}.")
    print(json.dumps({"set": answer.status != 404}))


def reach(target: tuple[str, int]) -> dict[str, str]:
    """How another server greets on a port, or why it does not."""
    host, port = target
    try:
        with socket.create_connection((host, port), timeout=ANSWER) as connection:
            if port == 465:
                return {"greeting": "connected"}
            return {"greeting": connection.recv(200).decode(errors="replace").strip()}
    except OSError as error:
        return {"error": str(error) or type(error).__name__}


def report(name: str, table: str, domains: list[str], certificates: str, backups: str, watches: str) -> None:
    box = container(name)
    print(
        json.dumps(
            {
                "container": box,
                "disk": disk(box["data"] if box else ""),
                "memory": memory(),
                "firewall": firewall(table),
                "reboot": reboot(),
                "certificate": certificate(certificates),
                "backup": backup(backups),
                "watch": watch(watches),
                "keys": signing_keys(name, domains) if box else {},
                "services": services(name) if box else {},
            }
        )
    )


def relayed(data: str, folder: str, host: str) -> None:
    """By which route mail leaves, without its password: where to, whether it is the deploy's, whether Poste has taken
    it, and why the relay does not let the server sign in with it; by the script that sets it.
    """
    relay = script("relay")
    route, note = relay.read(Path(data)).value, relay.noted(Path(folder))
    place, *credentials = route.split("|")
    why = "" if len(credentials) == 2 else "Poste has no user and password for it"
    if not why:
        to, _, port = place.partition(":")[2].partition(";")
        known = (to, port or "25", *credentials)
        try:
            relay.sign_in(dict(zip(("host", "port", "user", "password"), known, strict=True)), host)
        except relay.SignInError as error:
            why = str(error)
    print(
        json.dumps(
            {
                "route": relay.shown(route),
                "digest": relay.digest(route),
                "ours": note is not None and note.digest == relay.digest(route),
                "applied": note is not None and note.applied,
                "why": why,
            }
        )
    )


def reached(targets: list[tuple[str, int]]) -> None:
    with ThreadPoolExecutor(len(targets)) as pool:
        print(json.dumps(list(pool.map(reach, targets))))


def boxes(url: str, quotas: list[str]) -> None:
    """All that Poste has of mailboxes, aliases and domains, with the quotas of these mailboxes."""
    session = poste(url)

    def told(path: str) -> Any:
        answer = session.api("GET", path)
        if answer.status != 200:
            sys.exit(f"Poste's API answers {answer.status} when asked for {path.partition('?')[0]}.")
        return answer.json()

    def listed(path: str) -> list[dict[str, Any]]:
        found, page, last = [], 1, 1
        while page <= last:
            answer = told(f"{path}?page={page}&paging=1000")
            found += answer["results"]
            page, last = page + 1, answer.get("last_page") or 1
        return found

    found = listed("/boxes")
    with ThreadPoolExecutor(16) as pool:
        known = {box["address"]: box for box in pool.map(lambda box: whole(box, told), found)}
        wanted = [address for address in quotas if address in known]
        for address, quota in zip(
            wanted, pool.map(lambda one: told(f"/boxes/{quote(one, safe='')}/quota"), wanted), strict=True
        ):
            known[address]["quota"] = {name: quota.get(shown, quota.get(name)) for name, shown in LIMITS.items()}
    print(json.dumps({"boxes": list(known.values()), "domains": [named(one, DOMAIN) for one in listed("/domains")]}))


def whole(box: dict[str, Any], told: Any) -> dict[str, Any]:
    """A mailbox with the fields that are told of it, asked for by itself where the list does not have them all."""
    return named(box if "super_admin" in box else told(f"/boxes/{quote(box['address'], safe='')}"), BOX)


def named(found: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: found[name] for name in fields if name in found}
