"""Makes sure that Poste's signers find the DKIM key of each domain.

Runs on the server, hence standard library only. Standard input: {"container", "domains": [<names>], "link": <the shell
script that makes the missing links and prints what it linked>, "keys": <the one that prints a line for each key>,
"known": <the file with the lines of the keys that the signers were started with>}. Prints one JSON object:
{"linked": [<paths>], "restarted": <bool>}. A signer that does not find its key signs nothing, and one that holds a key
that has gone since signs what nobody can verify; neither says so.
"""

import json
import sys

import services
from container import execute

CHECK = """
for signer in haraka-smtp haraka-submission; do
  [ ! -d "/opt/$signer" ] || for domain in "$@"; do
    for file in private selector; do
      [ -e "/opt/$signer/config/dkim/$domain/$file" ] || echo "$signer: $domain"
    done
  done
done
"""


def main() -> None:
    request = json.load(sys.stdin)
    linked = execute(request["container"], request["link"]).split()
    keys, known = request["keys"], request["known"]
    # Of what they were started with, some key is another now. A new domain's is read when it is needed.
    changed = execute(request["container"], f"{keys} | grep -vxFf - {known} || true")
    if linked or changed:
        services.restart(request["container"], *services.SIGNERS)
    execute(request["container"], f"{keys} >{known} || true")
    blind = sorted(set(execute(request["container"], CHECK, *request["domains"]).splitlines()))
    if blind:
        sys.exit(
            f"Mail would leave unsigned, because a signer does not find its DKIM key: {', '.join(blind)}. "
            "If a key was taken away by hand, raise the setting rerun by one and deploy: that makes it again."
        )
    print(json.dumps({"linked": linked, "restarted": bool(linked or changed)}))


if __name__ == "__main__":
    main()
