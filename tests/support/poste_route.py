"""By which route Poste has mail leave, on a deployed server."""

import json
import shlex

from pydantic import SecretStr

from model.relay import Relay
from model.server_folders import DATA, RELAY
from offline.sandbox import world
from tests.support.stack import Stack

INI = f"{DATA}/server.ini"
ROUTES = "/opt/haraka-submission/config/routes"
"""In the container: what the mail server goes by."""


def routes(stack: Stack) -> str:
    """What Poste's settings and its mail server have of routes, and what is noted of ours; nothing where it is none."""
    return stack.on_server(
        f"grep smtp_routes {INI}; docker exec poste cat {ROUTES}; cat {RELAY}/route.json 2>/dev/null; true"
    ).strip()


def leave_a_route(stack: Stack) -> None:
    """Have the server send through the sandbox's relay, as a deploy with that relay does."""
    user, password = world.RELAY_USER, world.RELAY_PASSWORD
    relay = Relay(host=world.RELAY_HOST, user=user, password=SecretStr(password))
    request = {
        "container": "poste",
        "data": DATA,
        "folder": RELAY,
        "host": stack.outputs()["mailHost"],
        "route": relay.route,
        "relay": {"host": relay.host, "port": relay.port, "user": user, "password": password},
    }
    stack.on_server(f"echo {shlex.quote(json.dumps(request))} | python3 /opt/poste-mail/relay.py")
