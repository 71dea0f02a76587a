"""Runs on the mail server, sent there through SSH: prints what can be seen only there, as JSON. Standard library only.

Standard input of the Python that runs it: this file, then the lines that call `report`.
"""

import json
import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def container(name: str) -> dict[str, Any] | None:
    found = json.loads(docker("inspect", name) or "[]")
    if not found:
        return None
    state = found[0]["State"]
    image = json.loads(docker("image", "inspect", found[0]["Image"]) or "[{}]")[0]
    return {
        "status": state["Status"],
        "health": state.get("Health", {}).get("Status", "none"),
        "reference": found[0]["Config"]["Image"],
        "image": found[0]["Image"],
        "digests": [digest.partition("@")[2] for digest in image.get("RepoDigests") or []],
        "tags": image.get("RepoTags") or [],
        "data": next((mount["Source"] for mount in found[0]["Mounts"] if mount["Destination"] == "/data"), ""),
    }


def disk(folder: str) -> dict[str, Any] | None:
    if not folder or not Path(folder).exists():
        return None
    space = os.statvfs(folder)
    return {
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
for domain in "$@"; do
  echo "domain $domain"
  cd "/data/domains/$domain" 2>/dev/null && echo "selector $(cat selector)" && sed "s/^/public /" public
  for signer in haraka-smtp haraka-submission; do
    test ! -d "/opt/$signer" || test -e "/opt/$signer/config/dkim/$domain/private" || echo "blind $signer"
  done
done
"""


def signing_keys(name: str, domains: list[str]) -> dict[str, dict[str, Any]]:
    """By domain: selector and public key that the signers have, and those signers that cannot find them."""
    keys: dict[str, dict[str, Any]] = {}
    key: dict[str, Any] = {}
    for line in docker("exec", name, "sh", "-c", KEYS, "sh", *domains).splitlines():
        word, _, rest = line.partition(" ")
        if word == "domain":
            key = keys[rest] = {"selector": "", "public": "", "blind": []}
        elif word == "selector":
            key["selector"] = rest.strip()
        elif word == "public":
            key["public"] += f"{rest}\n"
        elif word == "blind":
            key["blind"].append(rest)
    return keys


def reach(target: tuple[str, int]) -> dict[str, str]:
    """How another server greets on a port, or why it does not."""
    host, port = target
    try:
        with socket.create_connection((host, port), timeout=8) as connection:
            if port == 465:
                return {"greeting": "connected"}
            return {"greeting": connection.recv(200).decode(errors="replace").strip()}
    except OSError as error:
        return {"error": str(error) or type(error).__name__}


def report(name: str, domains: list[str]) -> None:
    box = container(name)
    print(
        json.dumps(
            {
                "container": box,
                "disk": disk(box["data"] if box else ""),
                "memory": memory(),
                "keys": signing_keys(name, domains) if box else {},
            }
        )
    )


def reached(targets: list[tuple[str, int]]) -> None:
    with ThreadPoolExecutor(len(targets)) as pool:
        print(json.dumps(list(pool.map(reach, targets))))
