"""Makes sure that Poste has a domain and a DKIM key for it, and prints the key's public half.

Runs on the server, hence standard library only. Standard input: {"url", "domain", "container"}. Prints one JSON object:
{"selector", "public_key"} (the key in base64). The private key is neither printed nor kept. A key that is there is not
replaced: mail signed with a new one fails until DNS has it.
"""

import json
import re
import sys
from urllib.parse import quote

import administrator
from container import execute
from poste_http import Poste, reason

START_DEADLINE = 300
KEYS = "/data/domains"


def key_files(container: str, domain: str) -> tuple[str, str] | None:
    """Selector and public key as the signer has them, or None where there are none."""
    text = execute(container, f'cd "{KEYS}/$1" 2>/dev/null && cat selector && echo && cat public || true', domain)
    selector, _, public = text.strip().partition("\n")
    return (selector.strip(), bare(public)) if selector and public else None


def bare(key: str) -> str:
    """A public key as base64 alone, whether it came as that, as PEM or as a DNS record."""
    record = re.search(r"p=([A-Za-z0-9+/=\s\"]+)", key) if "p=" in key else None
    text = record[1] if record else re.sub(r"-----[^-]+-----", "", key)
    return re.sub(r'[\s"]', "", text)


def read_key(poste: Poste, domain: str) -> tuple[str, str] | None:
    """Selector and public key as the API has them; the private key that stands beside them goes no further."""
    answer = poste.api("GET", f"/domains/{quote(domain)}/dkim")
    if answer.status == 404:
        return None
    if answer.status != 200:
        sys.exit(f"Poste's API answers {answer.status} when asked for the DKIM key of {domain}{reason(answer)}.")
    found = answer.json()
    if found and not isinstance(found, dict):
        sys.exit(f"Poste's API answers with no DKIM key when asked for that of {domain}.")
    selector, public = (found or {}).get("selector"), (found or {}).get("public")
    return (selector, bare(public)) if selector and public else None


def main() -> None:
    request = json.load(sys.stdin)
    domain, container = request["domain"], request["container"]
    poste = Poste(request["url"], *administrator.known())
    poste.wait("/admin/login", START_DEADLINE)
    poste.ensure_domain(domain)

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
    print(json.dumps({"selector": published[0], "public_key": published[1]}))


if __name__ == "__main__":
    main()
