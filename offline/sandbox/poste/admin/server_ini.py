"""``/data/server.ini``: the server's settings, and the mark that the installer is done."""

import configparser
import secrets
from pathlib import Path

_HEADER = "; YOU MUST RESTART CONTAINER AFTER CHANGE\n"


def server_hostname(path: Path) -> str | None:
    """Return ``[server] server_hostname``, or None as long as the server is not installed."""
    parser = configparser.RawConfigParser()
    parser.read(path)
    return parser.get("server", "server_hostname", fallback="").strip('"') or None


def write_server_ini(path: Path, hostname: str, admin: str) -> None:
    """Write the settings of a fresh installation; bounces and alerts go to the administrator."""
    parser = configparser.RawConfigParser()
    parser["server"] = {
        "server_hostname": hostname,
        "bounce_email": admin,
        "alerts_email": admin,
        "default_domain": admin.split("@")[1],
    }
    parser["srs"] = {"srs_enabled": "0", "srs_secret": secrets.token_hex(16)}
    temporary = path.with_suffix(".new")
    with temporary.open("w") as out:
        out.write(_HEADER)
        parser.write(out)
    temporary.chmod(0o640)
    temporary.replace(path)
