"""Makes sure that Poste has a domain and a DKIM key for it, makes the next key where one is wanted, prints their public
halves.

Runs on the server, hence standard library only. Standard input: {"url", "domain", "container", "data": <what Poste has
as /data>, "folder": <where keys take turns>, "rotation", "first": <the rotation that the key counts for which Poste has
made>}. Prints one JSON object: {"rotation", "first", "active": <generation of the key that signs>, "at": <seconds since
the epoch>, "keys": {<generation>: {"selector", "public_key"}}} (keys in base64). Private keys are never printed. A
key that is there is not replaced: mail signed with a new one fails until DNS has it. Of the former key nothing is said
where nothing is known of it.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import administrator
from container import execute
from dkim_keys import Key, Shelf, bare, signing_key
from poste_http import Poste, reason

START_DEADLINE = 300
KEYS = "/data/domains"


def key_files(container: str, domain: str) -> Key | None:
    """The key as the signer has it, or None where there is none."""
    text = execute(container, f'cd "{KEYS}/$1" 2>/dev/null && cat selector && echo && cat public || true', domain)
    selector, _, public = text.strip().partition("\n")
    return Key(selector.strip(), bare(public)) if selector and public else None


def read_key(poste: Poste, domain: str) -> Key | None:
    """The key as the API has it; the private half that stands beside it goes no further."""
    answer = poste.api("GET", f"/domains/{quote(domain)}/dkim")
    if answer.status == 404:
        return None
    if answer.status != 200:
        sys.exit(f"Poste's API answers {answer.status} when asked for the DKIM key of {domain}{reason(answer)}.")
    found = answer.json()
    if found and not isinstance(found, dict):
        sys.exit(f"Poste's API answers with no DKIM key when asked for that of {domain}.")
    selector, public = (found or {}).get("selector"), (found or {}).get("public")
    return Key(selector, bare(public)) if selector and public else None


def ensured(poste: Poste, container: str, domain: str) -> Key:
    """The key that Poste has for a domain, which it makes where there is none."""
    signed_with = key_files(container, domain)
    if signed_with is None and read_key(poste, domain) is None:
        made = poste.api("PUT", f"/domains/{quote(domain)}/dkim", {"name": domain})
        if made.status not in range(200, 300):
            sys.exit(f"Poste's API answers {made.status} when asked to make a DKIM key for {domain}{reason(made)}.")
        signed_with = key_files(container, domain)
    published = read_key(poste, domain) or signed_with
    if published is None:
        sys.exit(f"Poste says that it made a DKIM key for {domain}, but shows none.")
    if signed_with not in (None, published):
        sys.exit(f"Poste's API and its signer have different DKIM keys for {domain}; look at {KEYS}/{domain}.")
    return published


def in_turn(shelf: Shelf, signs: Key, data: Path, domain: str, rotation: int, first: int) -> dict[str, Any]:
    """Which keys there are, and which of them signs; the next one is made."""
    if rotation <= first:
        return {"active": rotation, "keys": {str(rotation): signs.told}}
    newest, former = shelf.key(rotation), shelf.key(rotation - 1)
    if signs.is_same(newest) or shelf.generation_of(signs.selector) == rotation:
        # Where the folder was lost, the key that signs is brought back to it.
        shelf.keep(rotation, signing_key(data, domain) or newest or signs)
        return _told(rotation, rotation, signs, former)
    if former is None or not shelf.progress(rotation).since:
        # Else the newest has signed already, and what signs now was made by hand: it goes as it came.
        former = signs
    return _told(rotation - 1, rotation, newest or shelf.make(rotation, signs), former)


def _told(active: int, rotation: int, newest: Key, former: Key | None) -> dict[str, Any]:
    keys = {str(rotation): newest.told} | ({str(rotation - 1): former.told} if former else {})
    return {"active": active, "keys": keys}


def main() -> None:
    request = json.load(sys.stdin)
    domain, rotation, first = request["domain"], request["rotation"], request["first"]
    poste = Poste(request["url"], *administrator.known())
    poste.wait("/admin/login", START_DEADLINE)
    poste.ensure_domain(domain)
    signs = ensured(poste, request["container"], domain)
    shelf = Shelf(request["folder"], domain)
    with shelf.alone():
        found = in_turn(shelf, signs, Path(request["data"]), domain, rotation, first)
    print(json.dumps({"rotation": rotation, "first": first, "at": int(time.time()), **found}))


if __name__ == "__main__":
    main()
