"""Hetzner's APIs, of the cloud and of the Storage Boxes, as the operations need them: JSON requests, awaited actions,
errors as users should read them.

Requests go through the official client, which authenticates and retries rate limits, conflicts and bad gateways with
exponential back-off. See https://docs.hetzner.cloud.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import requests

from hcloud import APIException, Client
from offline.toolchain.plugins.common.here import require_url_here
from offline.toolchain.plugins.common.resource import Operation, ProviderError

T = TypeVar("T")
Json = dict[str, Any]

POLL_CAP = 5.0
"""Seconds between two looks at an action at most; the interval doubles up to this."""

RETRIES = 5
"""Attempts at a call that the API refuses because the resource is busy, after 1, 2, 4, … seconds."""


class ApiError(ProviderError):
    """The API's answer to a request, with its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Api:
    """One project. `poll` is the seconds before the first look at a running action.

    Storage Boxes are at an endpoint of their own, but the actions on them are at that of the cloud.
    """

    def __init__(self, token: str, endpoint: str, endpoint_hetzner: str, poll: float, *, constant: bool) -> None:
        self.client, self.boxes = (
            Client(token, base.rstrip("/"), application_name="pulumi-hcloud-stand-in", timeout=(10.0, 60.0))
            for base in (endpoint, endpoint_hetzner)
        )
        self._endpoint_hetzner = endpoint_hetzner
        self.poll = poll
        self.poll_cap = poll if constant else max(poll, POLL_CAP)

    def request(self, method: str, path: str, body: Json | None = None, **query: Any) -> Json:
        """One request; the answer's JSON. Raises `ApiError` with the API's code and message."""
        of_boxes = path.startswith("/storage_box")
        if of_boxes:  # whose endpoint a stack without them need not set
            require_url_here("hcloud", self._endpoint_hetzner)
        client = self.boxes if of_boxes else self.client
        try:
            return client.request(method, path, json=body, params=query)
        except APIException as error:
            raise ApiError(str(error.code), _message(error)) from error
        except requests.RequestException as error:
            raise ProviderError(f"{method} {path}: cannot reach the Hetzner Cloud API: {error}") from error

    def find(self, path: str, key: str) -> Json | None:
        """The object at a path, or None if there is none."""
        try:
            answer: Json = self.request("GET", path)[key]
        except ApiError as error:
            if error.code == "not_found":
                return None
            raise
        return answer

    def every(self, path: str, key: str, **query: Any) -> Iterator[Json]:
        """All objects of a list, page by page."""
        page: int | None = 1
        while page:
            answer = self.request("GET", path, page=page, per_page=50, **query)
            yield from answer[key]
            page = answer.get("meta", {}).get("pagination", {}).get("next_page")

    def act(self, operation: Operation, method: str, path: str, body: Json | None = None) -> Json:
        """A request that starts actions: waits until all are done."""
        answer = self.request(method, path, body)
        self.settle(operation, answer)
        return answer

    def settle(self, operation: Operation, answer: Json) -> None:
        """Wait for the actions that an answer tells of; raises if one fails or the deadline passes."""
        actions = [answer.get("action"), *answer.get("next_actions", []), *answer.get("actions", [])]
        for action in actions:
            if action:
                self._settle(operation, action)

    def _settle(self, operation: Operation, action: Json) -> None:
        pause = self.poll
        while action["status"] == "running":
            operation.wait(pause)
            pause = min(pause * 2, self.poll_cap)
            action = self.request("GET", f"/actions/{action['id']}")["action"]
        if action["status"] == "error":
            error = action.get("error") or {}
            code, message = error.get("code", "unknown"), error.get("message", "no message")
            where = ", ".join(f"{r['type']} {r['id']}" for r in action.get("resources", []))
            raise ApiError(
                code, f"action {action['command']} failed: {message} ({code}), action {action['id']}, {where}"
            )


def retry(operation: Operation, codes: Iterable[str], call: Callable[[], T], attempts: int = RETRIES) -> T:
    """Repeat a call that fails with one of these API codes, with exponential back-off."""
    codes = frozenset(codes)
    for attempt in range(attempts - 1):
        try:
            return call()
        except ApiError as error:
            if error.code not in codes:
                raise
        operation.wait(2.0**attempt)
    return call()


def delete_if_there(api: Api, path: str) -> None:
    """Delete an object; it may be gone already."""
    try:
        api.request("DELETE", path)
    except ApiError as error:
        if error.code != "not_found":
            raise


def _message(error: APIException) -> str:
    """The API's message and code, and which fields it found wrong."""
    fields = error.details.get("fields", []) if isinstance(error.details, dict) else []
    wrong = [f"{f.get('name')} => {', '.join(f.get('messages', []))}" for f in fields if isinstance(f, dict)]
    return f"{error.message} ({error.code})" + (f": {'; '.join(wrong)}" if wrong else "")
