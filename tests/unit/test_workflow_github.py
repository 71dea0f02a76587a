"""What the workflows tell GitHub: one comment a stack on a pull request, one open issue a stack for drift.

And what they ask: whether an environment with secrets is open to everybody who may push.
"""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from operate.workflow import comment, environment, issue
from operate.workflow.github import AUTHOR, LONGEST, marked
from tests.support.serving import serving

Json = dict[str, Any]


class Repository(BaseHTTPRequestHandler):
    """The issues and comments of a repository, as far as the workflows use GitHub's API."""

    issues: ClassVar[list[Json]]
    comments: ClassVar[list[Json]]
    environments: ClassVar[dict[str, Json]]
    branches: ClassVar[list[str]]
    refuses: ClassVar[bool]

    def log_message(self, *_arguments: object) -> None: ...

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(where.query).items()}
        if "/environments/" in where.path:
            self._answer(200, self._environment(where.path.partition("/environments/")[2]))
            return
        found = self.comments
        if where.path.endswith("/issues"):
            found = [
                item
                for item in self.issues
                if item["state"] == query["state"] and item["user"]["login"] == query["creator"]
            ]
        size, page = int(query["per_page"]), int(query["page"])
        self._answer(200, found[(page - 1) * size : page * size])

    def _environment(self, path: str) -> Json:
        if path.endswith("/deployment-branch-policies"):
            return {"branch_policies": [{"name": name, "type": "branch"} for name in self.branches]}
        return {"name": path, "protection_rules": [], "deployment_branch_policy": None} | self.environments[path]

    def do_POST(self) -> None:
        item = self._body() | {"user": {"login": AUTHOR}}
        if self.path.endswith("/comments"):
            self.comments.append(item | {"id": 1000 + len(self.comments)})
        else:
            self.issues.append(item | {"number": 1 + len(self.issues), "state": "open"})
        self._answer(201, item)

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        for item in [*self.comments, *self.issues]:
            if number in (item.get("id"), item.get("number")):
                item.update(self._body())
        self._answer(200, {})

    def _body(self) -> Json:
        body: Json = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _answer(self, status: int, content: Any) -> None:
        allowed = self.headers["Authorization"] == "Bearer token" and self.path.startswith("/repos/us/mail/")
        data = json.dumps(content).encode()
        self.send_response(status if allowed and not self.refuses else 403)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Repository]]:
    Repository.issues, Repository.comments, Repository.refuses = [], [], False
    Repository.environments, Repository.branches = {}, []
    monkeypatch.setenv("GITHUB_REPOSITORY", "us/mail")
    monkeypatch.setenv("GITHUB_TOKEN", "token")
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Repository)) as url:
        monkeypatch.setenv("GITHUB_API_URL", url)
        yield Repository


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.md"


def put_comment(file: Path, text: str, stack: str = "prod") -> None:
    file.write_text(text)
    comment.main(["--stack", stack, "--pull-request", "7", str(file)])


def put_issue(file: Path, text: str, stack: str = "prod", check: str = "success", about: str = "drift") -> None:
    file.write_text(text)
    issue.main(["--stack", stack, "--about", about, "--check", check, str(file)])


def bodies(items: list[Json]) -> list[str]:
    return [re.sub(r"<!-- .* -->\n", "", item["body"]) for item in items]


def test_a_second_preview_edits_the_first_ones_comment(repository: type[Repository], file: Path) -> None:
    put_comment(file, "first")
    put_comment(file, "second")
    assert bodies(repository.comments) == ["second"]


def test_each_stack_has_its_own_comment(repository: type[Repository], file: Path) -> None:
    put_comment(file, "of prod")
    put_comment(file, "of staging", "staging")
    assert bodies(repository.comments) == ["of prod", "of staging"]


def test_the_comment_is_found_behind_a_hundred_others(repository: type[Repository], file: Path) -> None:
    repository.comments += [{"id": n, "user": {"login": "anna"}, "body": None} for n in range(150)]
    put_comment(file, "first")
    put_comment(file, "second")
    assert bodies(repository.comments[150:]) == ["second"]


def test_a_comment_of_somebody_else_with_our_marker_is_left_alone(repository: type[Repository], file: Path) -> None:
    forged = {"id": 1, "user": {"login": "mallory"}, "body": "<!-- preview of stack prod -->\nall is well"}
    repository.comments.append(dict(forged))
    put_comment(file, "ours")
    assert repository.comments[0] == forged
    assert bodies(repository.comments[1:]) == ["ours"]


def test_drift_opens_one_issue_and_later_drift_brings_it_up_to_date(repository: type[Repository], file: Path) -> None:
    put_issue(file, "an MX is gone")
    put_issue(file, "two are gone")
    assert [item["title"] for item in repository.issues] == ["Drift in stack prod"]
    assert bodies(repository.issues) == ["two are gone"]


def test_when_the_drift_is_gone_the_issue_is_closed_and_new_drift_opens_another(
    repository: type[Repository], file: Path
) -> None:
    put_issue(file, "an MX is gone")
    put_issue(file, "")
    assert [item["state"] for item in repository.issues] == ["closed"]
    assert bodies(repository.comments) == ["The drift is gone."]
    put_issue(file, "again")
    assert [item["state"] for item in repository.issues] == ["closed", "open"]


def test_without_drift_no_issue_is_opened(repository: type[Repository], file: Path) -> None:
    put_issue(file, "")
    assert repository.issues == []


def test_a_check_that_could_not_look_has_an_issue_of_its_own_and_leaves_that_about_drift(
    repository: type[Repository], file: Path
) -> None:
    put_issue(file, "an MX is gone")
    for reason in ("no answer", "still no answer"):
        put_issue(file, reason, check="failure")
    assert [(item["title"], item["state"]) for item in repository.issues] == [
        ("Drift in stack prod", "open"),
        ("The drift check of stack prod fails", "open"),
    ]
    assert bodies(repository.issues) == ["an MX is gone", "still no answer"]


@pytest.mark.parametrize(("text", "drift"), [("", "closed"), ("an MX is gone", "open")])
def test_a_check_that_could_look_again_closes_the_issue_about_failing(
    repository: type[Repository], file: Path, text: str, drift: str
) -> None:
    put_issue(file, "an MX is gone")
    put_issue(file, "no answer", check="failure")
    put_issue(file, text)
    assert [item["state"] for item in repository.issues] == [drift, "closed"]
    assert "The check could look again." in bodies(repository.comments)


def test_what_verify_finds_has_issues_of_its_own_and_leaves_those_about_drift(
    repository: type[Repository], file: Path
) -> None:
    put_issue(file, "an MX is gone")
    put_issue(file, "no answer", check="failure")
    put_issue(file, "a port is closed", about="verify")
    put_issue(file, "nobody knows", about="verify", check="failure")
    assert [item["title"] for item in repository.issues] == [
        "Drift in stack prod",
        "The drift check of stack prod fails",
        "The mail server of stack prod is not well",
        "The verify check of stack prod fails",
    ]
    put_issue(file, "", about="verify")
    assert [item["state"] for item in repository.issues] == ["open", "open", "closed", "closed"]
    assert bodies(repository.comments) == ["The check could look again.", "All required checks hold again."]


MAIN = {"deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}}
PROTECTED = {"deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": False}}
REVIEWED = {"protection_rules": [{"type": "branch_policy"}, {"type": "required_reviewers", "reviewers": [{}]}]}
WAITING = {"protection_rules": [{"type": "wait_timer", "wait_timer": 5}]}


@pytest.mark.parametrize(
    ("rules", "branches", "flags"),
    [
        (MAIN, ["main"], ["--branch", "main"]),
        (PROTECTED, [], ["--branch", "main"]),
        (MAIN | REVIEWED, ["main"], ["--branch", "main", "--reviewers"]),
        (REVIEWED, [], ["--reviewers"]),
    ],
)
def test_a_guarded_environment_passes(
    repository: type[Repository], rules: Json, branches: list[str], flags: list[str]
) -> None:
    repository.environments, repository.branches = {"preview-prod": rules}, branches
    assert environment.main(["preview-prod", *flags]) == 0


@pytest.mark.parametrize(
    ("rules", "branches", "flags", "problem"),
    [
        ({}, [], ["--branch", "main"], "can be used from any branch, so whoever may push one can have its secrets"),
        (REVIEWED, [], ["--branch", "main"], "can be used from any branch"),
        (MAIN, ["main", "release/*"], ["--branch", "main"], "can be used from release/*,"),
        ({}, [], ["--reviewers"], "has no required reviewers"),
        (WAITING, [], ["--reviewers"], "has no required reviewers"),
    ],
)
def test_an_open_environment_stops_the_workflow_and_says_why(
    repository: type[Repository],
    capsys: pytest.CaptureFixture[str],
    rules: Json,
    branches: list[str],
    flags: list[str],
    problem: str,
) -> None:
    repository.environments, repository.branches = {"preview-prod": rules}, branches
    assert environment.main(["preview-prod", *flags]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"The environment preview-prod {problem}")


def test_the_issue_of_another_stack_is_left_alone(repository: type[Repository], file: Path) -> None:
    put_issue(file, "of staging", "staging")
    put_issue(file, "")
    assert [item["state"] for item in repository.issues] == ["open"]


def test_a_refusal_of_github_fails_the_step(repository: type[Repository], file: Path) -> None:
    repository.refuses = True
    with pytest.raises(requests.HTTPError, match="403"):
        put_comment(file, "text")


def test_a_text_that_is_too_long_for_github_is_cut_and_says_so() -> None:
    cut = marked("<!-- m -->", "x" * 100_000)
    assert len(cut) == LONGEST
    assert "cut here" in cut[-80:]
    assert marked("<!-- m -->", "short") == "<!-- m -->\nshort"
