"""Lets the server reach its backup repository: restic, a key pair of its own, the store's host key, the passphrase.

Runs on the server, hence standard library only. Standard input: {"repository": <restic's address of it; "rclone:box"
for a store that only appends>, "ssh": null or {"host", "port", "user", "host_key": <type and key of the store's SSH
server>}, "passphrase", "environment": {<what restic needs to reach the store>}}. Prints one JSON object:
{"public_key": <the server's own, one line>}. Run again, it keeps the key.
"""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import whole_file
from restic import FOLDER, KEY, KNOWN_HOSTS, SETTINGS

COMMENT = "poste-mail-backup"
SSH_PORT = 22
LOCK = ("--option", "DPkg::Lock::Timeout=300")


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def install_restic() -> None:
    """For servers that were made before there were backups."""
    if shutil.which("restic"):
        return
    run("apt-get", "update", "--quiet", *LOCK)
    done = run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *LOCK, "restic")
    if not shutil.which("restic"):
        said = "\n".join(f"{done.stdout}{done.stderr}".splitlines()[-10:])
        sys.exit(f"The server lacks restic, and apt-get does not install it. It said:\n{said}")


def public_key() -> str:
    """The public half of the server's key, which is made where it is missing."""
    key, public = FOLDER / KEY, FOLDER / f"{KEY}.pub"
    if not key.exists():
        # Made beside: a key that was cut off would be taken for one.
        new = FOLDER / f".{KEY}.new"
        new.unlink(missing_ok=True)
        done = run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", COMMENT, "-f", str(new))
        if done.returncode != 0:
            sys.exit(f"The server's key for its backups could not be made: {done.stderr.strip()}")
        new.replace(key)
        new.with_name(f"{new.name}.pub").unlink()
    done = run("ssh-keygen", "-y", "-f", str(key))
    if done.returncode != 0:
        sys.exit(f"{key} on the server cannot be read: {done.stderr.strip()}. Remove it and deploy again")
    line = f"{' '.join(done.stdout.split()[:2])} {COMMENT}"
    whole_file.write(public, f"{line}\n")
    return line


def known_hosts(ssh: dict[str, Any]) -> str:
    """The line by which the store's SSH server is known; ssh looks for a port other than 22 in its own way."""
    host, port = ssh["host"], int(ssh["port"])
    name = host if port == SSH_PORT else f"[{host}]:{port}"
    kind, key = ssh["host_key"].split()[:2]
    return f"{name} {kind} {key}\n"


def main() -> None:
    request = json.load(sys.stdin)
    install_restic()
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    FOLDER.chmod(0o700)
    line = public_key()
    whole_file.write(FOLDER / KNOWN_HOSTS, known_hosts(request["ssh"]) if request["ssh"] else "")
    names = ("repository", "ssh", "passphrase", "environment")
    whole_file.write(FOLDER / SETTINGS, json.dumps({name: request[name] for name in names}))
    print(json.dumps({"public_key": line}))


if __name__ == "__main__":
    main()
