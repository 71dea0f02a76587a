"""How the stack is meant to be: what the rules need of its configuration.

The rules take the intention from here and hold the resources against it. Otherwise a program that forgot to protect a
volume would itself say that nothing needs protection.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.ports import HTTP, HTTPS, OPTIONAL, Port, open_ports

SECRET_ENDINGS = ("password", "token", "key", "secret")
"""How the names of settings end that hold secrets. The engine hands a pack the values, but not which are encrypted."""

SHORTEST_SECRET = 8
"""Shorter values would be found by accident in texts that have nothing to do with them."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The stack's name and switches."""

    project: str
    name: str
    mail_host: str
    domains: Mapping[str, str]
    """The mail domains, each with the zone that holds its records."""
    protected: bool = True
    admin_cidrs: tuple[str, ...] = ()
    ports: tuple[Port, ...] = tuple(open_ports(OPTIONAL))
    """The rows of the port table that the stack opens."""
    web_cidrs: tuple[str, ...] = ()
    """Networks of a reverse proxy, if only it may reach the web ports."""
    network_mode: str = "host"
    config: Mapping[str, Any] = field(default_factory=dict)
    """The whole configuration by full key, such as poste-mail:mailHost, with arrays and objects decoded."""

    @property
    def serves_ipv6(self) -> bool:
        """Whether Poste answers on IPv6: not behind Docker's bridge."""
        return self.network_mode == "host"

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets of the configuration, by key."""
        return {key: text for key, text in texts("", self.config) if key.lower().endswith(SECRET_ENDINGS)}


def read_stack(project: str, name: str, values: Mapping[str, str]) -> Stack | None:
    """The stack from its configuration, or None where that is so wrong that the program itself refuses to run."""
    config = {key: _decoded(text) for key, text in values.items()}
    own = {key.removeprefix(f"{project}:"): value for key, value in config.items() if key.startswith(f"{project}:")}
    try:
        return Stack(
            project=project,
            name=name,
            mail_host=own["mailHost"].lower(),
            domains={domain["name"].lower(): domain.get("zone", domain["name"]).lower() for domain in own["domains"]},
            protected=own.get("protect") != "false",
            admin_cidrs=tuple(own.get("adminCidrs", ())),
            ports=tuple(
                open_ports(
                    own.get("optionalPorts", OPTIONAL),
                    int(own.get("httpPort", HTTP.number)),
                    int(own.get("httpsPort", HTTPS.number)),
                )
            ),
            web_cidrs=tuple(own.get("reverseProxyCidrs", ())),
            network_mode=own.get("networkMode", "host"),
            config=config,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def current_stack() -> Stack | None:
    """The stack that the engine runs the pack for.

    Raises ValueError where the engine tells no configuration, as `pulumi policy analyze` does: nothing could be judged,
    and that must not look as if all were well.
    """
    values = pulumi.runtime.get_config_env()
    if not values:
        raise ValueError("the rules need the stack's configuration; use pulumi preview with --policy-pack")
    return read_stack(pulumi.get_project(), pulumi.get_stack(), values)


def texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """All texts in a decoded value, each with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from texts(f"{path}[{index}]", inner)


def _decoded(text: str) -> Any:
    """An array or object as what it is; any other value stays text, so that a password of digits is no number."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
