"""The parts of GitHub's REST API that the workflows use: https://docs.github.com/en/rest/issues.

Pull requests are issues there. What these workflows wrote is told by its author and by a marker that is not shown.
"""

import os
from collections.abc import Iterator
from typing import Any

import requests

AUTHOR = "github-actions[bot]"
"""Who a workflow's token writes as. Nobody else can, so a copied marker deceives nobody."""
LONGEST = 65_536
"""Characters that GitHub takes for a comment or an issue: https://github.com/orgs/community/discussions/41331."""
SECONDS = 30
PAGE = 100

Json = dict[str, Any]


class GitHub:
    """The repository that the workflow runs in."""

    def __init__(self) -> None:
        root = os.environ.get("GITHUB_API_URL", "https://api.github.com")
        self._base = f"{root}/repos/{os.environ['GITHUB_REPOSITORY']}"
        self._session = requests.Session()
        self._session.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
                "X-GitHub-Api-Version": "2022-11-28",
            }
        )

    def own_comment(self, issue: int, marker: str) -> Json | None:
        """The workflow's own comment with that marker."""
        return _own(self._list(f"/issues/{issue}/comments"), marker)

    def own_open_issue(self, marker: str) -> Json | None:
        """The workflow's own open issue with that marker."""
        return _own(self._list("/issues", state="open", creator=AUTHOR), marker)

    def get(self, path: str) -> Json:
        """One thing. Raises requests.HTTPError if GitHub refuses."""
        found: Json = self._request("GET", path)
        return found

    def post(self, path: str, **body: Any) -> None:
        """Create something. Raises requests.HTTPError if GitHub refuses."""
        self._request("POST", path, json=body)

    def patch(self, path: str, **body: Any) -> None:
        """Change something. Raises requests.HTTPError if GitHub refuses."""
        self._request("PATCH", path, json=body)

    def _list(self, path: str, **query: Any) -> Iterator[Json]:
        page = 1
        while found := self._request("GET", path, params={**query, "per_page": PAGE, "page": page}):
            yield from found
            page += 1

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        response = self._session.request(method, f"{self._base}{path}", timeout=SECONDS, **arguments)
        response.raise_for_status()
        return response.json()


def marked(marker: str, text: str) -> str:
    """Text with its marker, cut to what GitHub takes."""
    whole = f"{marker}\n{text}"
    note = "\n\n… cut here; the whole is on the workflow run's page.\n"
    return whole if len(whole) <= LONGEST else whole[: LONGEST - len(note)] + note


def _own(found: Iterator[Json], marker: str) -> Json | None:
    for item in found:
        if item["user"]["login"] == AUTHOR and (item["body"] or "").startswith(marker):
            return item
    return None
