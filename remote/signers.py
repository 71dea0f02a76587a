"""Makes sure that Poste's signers find the DKIM key of each domain.

Runs on the server, hence standard library only. Standard input: {"container", "domains": [<names>], "link": <the shell
script that makes the missing links and prints what it linked>}. Prints one JSON object: {"linked": [<paths>]}. A signer
that does not find its key signs nothing, and says nothing either.
"""

import json
import sys

from container import execute

RESTART = 'for signer in haraka-smtp haraka-submission; do s6-svc -r "/run/s6/services/$signer"; done'
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
    if linked:
        execute(request["container"], RESTART)
    blind = sorted(set(execute(request["container"], CHECK, *request["domains"]).splitlines()))
    if blind:
        sys.exit(
            f"Mail would leave unsigned, because a signer does not find its DKIM key: {', '.join(blind)}. "
            "If a key was taken away by hand, raise the setting rerun by one and deploy: that makes it again."
        )
    print(json.dumps({"linked": linked}))


if __name__ == "__main__":
    main()
