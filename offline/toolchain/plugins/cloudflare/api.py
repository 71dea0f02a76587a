"""The Cloudflare API v4 as the operations need it: JSON requests and errors as users should read them.

Requests go through the official client, which authenticates and retries rate limits and server errors with exponential
back-off. See https://developers.cloudflare.com/api/.
"""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx

from cloudflare import APIConnectionError, APIStatusError, Cloudflare
from offline.toolchain.plugins.common.resource import ProviderError

Json = dict[str, Any]
Files = list[tuple[str, tuple[str | None, bytes, str]]]
"""The parts of a form: name, file name, content and its type."""

RETRIES = 4


class ApiError(ProviderError):
    """An answer other than success; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """A Cloudflare account as seen with one token."""

    def __init__(self, base_url: str | None, token: str) -> None:
        self.client = Cloudflare(base_url=base_url, api_token=token, max_retries=RETRIES)

    def request(
        self, method: str, path: str, body: Json | None = None, query: Json | None = None, files: Files | None = None
    ) -> Json:
        """One request, with JSON or a form; the whole envelope of the answer. Raises `ApiError`."""
        envelope: Json = json.loads(self.answer(method, path, body, query, files)[1])
        return envelope

    def answer(
        self, method: str, path: str, body: Json | None = None, query: Json | None = None, files: Files | None = None
    ) -> tuple[str, bytes]:
        """The same, but for the answer's content type and body. Raises `ApiError` with the API's codes and messages."""
        options: Any = {"params": query} if query else {}
        if files:
            options["headers"] = {"Content-Type": "multipart/form-data"}
        try:
            call = getattr(self.client, method.lower())
            more = {} if method == "GET" else {"files": files} if files else {"body": body}
            answer: httpx.Response = call(path, cast_to=httpx.Response, options=options, **more)
        except APIStatusError as error:
            where = f'{method} "{error.request.url}"'
            status = HTTPStatus(error.status_code)
            message = f"failed to make http request: {where}: {status.value} {status.phrase}: {_explain(error)}"
            raise ApiError(error.status_code, message) from error
        except APIConnectionError as error:
            message = (
                f"failed to make http request: {method} {path}: cannot reach the Cloudflare API: {error.__cause__}"
            )
            raise ProviderError(message) from error
        return answer.headers.get("Content-Type", ""), answer.content

    def find(self, path: str) -> Json | None:
        """The object at a path, or None if there is none."""
        try:
            result: Json = self.request("GET", path)["result"]
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return result

    def every(self, path: str, query: Json) -> Iterator[Json]:
        """All objects of a list, page by page."""
        page, pages = 1, 1
        while page <= pages:
            answer = self.request("GET", path, query={**query, "page": page, "per_page": 100})
            yield from answer["result"]
            pages = (answer.get("result_info") or {}).get("total_pages", 1)
            page += 1


def _explain(error: APIStatusError) -> str:
    """The API's messages with their codes."""
    body = error.body if isinstance(error.body, dict) else {}
    errors = [entry for entry in body.get("errors") or [] if isinstance(entry, dict)]
    return "; ".join(f"{entry.get('message')} ({entry.get('code')})" for entry in errors) or str(error.message)
