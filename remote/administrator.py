"""The administrator's address and password as Poste has them, kept on the server for the scripts.

Runs on the server, hence standard library only. The file is root's alone. It is what lets a changed password be carried
out, since Poste asks for the old one, and keeps the password out of the input of every other script.
"""

import json
import sys
from pathlib import Path

import whole_file

FILE = Path("/opt/poste-mail/administrator.json")


def kept() -> tuple[str, str] | None:
    """Address and password, or None where nothing was kept yet."""
    if not FILE.exists():
        return None
    found = json.loads(FILE.read_text())
    return found["address"], found["password"]


def known() -> tuple[str, str]:
    """Address and password; ends the program where the installer's step has not kept them."""
    found = kept()
    if found is None:
        sys.exit(f"{FILE} is missing on the server. Raise the setting rerun by one and deploy, which makes it again.")
    return found


def keep(address: str, password: str) -> None:
    whole_file.write(FILE, json.dumps({"address": address, "password": password}))
