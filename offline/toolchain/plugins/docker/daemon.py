"""The Docker engine that a provider talks to: connected to when first needed, with errors in plain words."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import docker  # type: ignore[import-untyped]
import requests

from offline.toolchain.plugins.common.resource import ProviderError
from offline.toolchain.plugins.docker.ssh import SshAdapter, SshDialer, dial_command

DEFAULT_HOST = "unix:///var/run/docker.sock"
OLDEST_API = "1.24"

PATIENCE = 20 * 60
"""Seconds that one request may take: the real plugin's limit for an operation."""


class Daemon:
    """One Docker engine. Nothing is dialled before `client` is used, so a preview needs no reachable host."""

    def __init__(self, host: str, ssh_options: Sequence[str] = (), *, check: bool = True) -> None:
        self.host = host
        self._check = check
        self._lock = threading.Lock()
        self._client: docker.APIClient | None = None
        self._dialer: SshDialer | None = None
        if host.startswith("ssh://"):
            try:
                self._dialer = SshDialer(dial_command(host, ssh_options))
            except ValueError as error:
                raise ProviderError(f"the setting `host` is no valid SSH address: {error}") from None

    @property
    def client(self) -> docker.APIClient:
        """The API client, speaking the engine's own version of the API. Raises ProviderError if it is unreachable."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Turns an error of the API into a ProviderError that says what was being done."""
        try:
            yield
        except docker.errors.APIError as error:
            raise ProviderError(f"{doing}: Error response from daemon: {error.explanation or error}") from error
        except (requests.RequestException, docker.errors.DockerException) as error:
            raise ProviderError(f"{doing}: {self._reason(error)}") from error

    def _connect(self) -> docker.APIClient:
        with self.errors(f"Error pinging Docker server, please make sure that {self.host} is reachable"):
            first = self._make_client(OLDEST_API)
            if self._check:
                first.ping()
            return self._make_client(first.version(api_version=False)["ApiVersion"])

    def _make_client(self, version: str) -> docker.APIClient:
        if self._dialer is None:
            return docker.APIClient(base_url=self.host, version=version, timeout=PATIENCE)
        client = docker.APIClient(base_url=DEFAULT_HOST, version=version, timeout=PATIENCE)
        client.mount("http+docker://", SshAdapter(self._dialer))
        return client

    def _reason(self, error: Exception) -> str:
        said = self._dialer.complaint() if self._dialer and isinstance(error, requests.ConnectionError) else ""
        return said or str(error)
