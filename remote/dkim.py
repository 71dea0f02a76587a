"""Makes sure that Poste has a domain and a DKIM key for it, that its signer finds the key, and prints the public half.

Runs on the server, hence standard library only. Standard input: {"url", "domain", "container", "admin", "password"}.
Prints one JSON object: {"selector", "public_key"} (the key in base64). The private key is neither printed nor kept.
A key that is there is never replaced: mail signed with a new one fails until DNS has it.
"""

import json
import re
import subprocess
import sys
from urllib.parse import quote

from poste_http import Poste

START_DEADLINE = 300
KEYS = "/data/domains"
SIGNERS = ("haraka-smtp", "haraka-submission")
# Poste's signers look for a domain's key below their own folders, which a new container has lost.
LINK = """
set -e
domain=$1 keys=$2 linked=
shift 2
for signer in "$@"; do
  folder=/opt/$signer/config/dkim
  if [ -d "/opt/$signer" ] && [ ! -e "$folder/$domain/private" ]; then
    mkdir -p "$folder"
    ln -sfn "$keys/$domain" "$folder/$domain"
    linked=yes
  fi
done
[ -z "$linked" ] || for signer in "$@"; do s6-svc -r "/run/s6/services/$signer"; done
"""


def in_container(container: str, script: str, *arguments: str) -> str:
    done = subprocess.run(
        ["docker", "exec", container, "sh", "-c", script, "sh", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"In the container {container}: {done.stderr.strip() or 'failed'}")
    return done.stdout


def key_files(container: str, domain: str) -> tuple[str, str] | None:
    """Selector and public key as the signer has them, or None where there are none."""
    text = in_container(container, f'cd "{KEYS}/$1" 2>/dev/null && cat selector && echo && cat public || true', domain)
    selector, _, public = text.strip().partition("\n")
    return (selector.strip(), bare(public)) if selector and public else None


def bare(key: str) -> str:
    """A public key as base64 alone, whether it came as that, as PEM or as a DNS record."""
    record = re.search(r"p=([A-Za-z0-9+/=\s\"]+)", key) if "p=" in key else None
    text = record[1] if record else re.sub(r"-----[^-]+-----", "", key)
    return re.sub(r'[\s"]', "", text)


def ensure_domain(poste: Poste, domain: str) -> None:
    found = poste.api("GET", f"/domains/{quote(domain)}")
    if found.status == 404:
        found = poste.api("POST", "/domains", {"name": domain})
    if found.status not in (200, 201):
        sys.exit(f"Poste's API answers {found.status} when asked for the domain {domain}.")


def read_key(poste: Poste, domain: str) -> tuple[str, str] | None:
    """Selector and public key as the API has them; the private key that stands beside them goes no further."""
    answer = poste.api("GET", f"/domains/{quote(domain)}/dkim")
    if answer.status == 404:
        return None
    if answer.status != 200:
        sys.exit(f"Poste's API answers {answer.status} when asked for the DKIM key of {domain}.")
    found = json.loads(answer.text or "null") or {}
    selector, public = found.get("selector"), found.get("public")
    return (selector, bare(public)) if selector and public else None


def main() -> None:
    request = json.load(sys.stdin)
    domain, container = request["domain"], request["container"]
    poste = Poste(request["url"], request["admin"], request["password"])
    poste.wait("/admin/login", START_DEADLINE)
    ensure_domain(poste, domain)

    signed_with = key_files(container, domain)
    if signed_with is None and read_key(poste, domain) is None:
        made = poste.api("PUT", f"/domains/{quote(domain)}/dkim", {"name": domain})
        if made.status not in range(200, 300):
            sys.exit(f"Poste's API answers {made.status} when asked to make a DKIM key for {domain}.")
        signed_with = key_files(container, domain)
    published = read_key(poste, domain) or signed_with
    if published is None:
        sys.exit(f"Poste says that it made a DKIM key for {domain}, but shows none.")
    if signed_with not in (None, published):
        sys.exit(f"Poste's API and its signer have different DKIM keys for {domain}; look at {KEYS}/{domain}.")

    in_container(container, LINK, domain, KEYS, *SIGNERS)
    print(json.dumps({"selector": published[0], "public_key": published[1]}))


if __name__ == "__main__":
    main()
