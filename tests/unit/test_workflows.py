"""The workflow files: what they may do, what they never do, and that the linters find nothing in them."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from offline.toolchain.set_up.go import go_command
from operate.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
LINTER = "github.com/rhysd/actionlint/cmd/actionlint"

Job = dict[str, Any]


def load(file: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(file.read_text())
    return content


def workflow(name: str) -> dict[Any, Any]:
    return load(GITHUB / "workflows" / f"{name}.yml")


def triggers(content: dict[Any, Any]) -> dict[str, Any]:
    """YAML 1.1 reads the key `on` as true."""
    found: dict[str, Any] = content[True]
    return found


def jobs() -> Iterator[tuple[str, Job]]:
    for file in WORKFLOWS:
        for name, job in load(file)["jobs"].items():
            yield f"{file.stem}/{name}", job


def steps() -> Iterator[dict[str, Any]]:
    for _name, job in jobs():
        yield from job["steps"]
    for file in ACTIONS:
        yield from load(file)["runs"]["steps"]


@pytest.mark.timeout(600)
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    linter = tmp_path / "actionlint"
    subprocess.run([go_command(), "build", "-o", str(linter), LINTER], cwd=GITHUB / "actionlint", check=True)
    done = subprocess.run(
        [str(linter), "-shellcheck=", "-pyflakes="], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    done = subprocess.run(
        [str(ROOT / ".venv/bin/zizmor"), "--offline", "--no-progress", "--strict-collection", str(GITHUB)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_of_others_are_pinned_by_commit_with_the_version_beside_it() -> None:
    lines = [line for file in [*WORKFLOWS, *ACTIONS] for line in file.read_text().splitlines() if "uses: " in line]
    foreign = [line for line in lines if "uses: $/" not in line]
    assert foreign
    assert all(re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in foreign)


def test_an_action_is_pinned_to_one_commit_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for step in steps():
        name, _, commit = step.get("uses", "").partition("@")
        if commit:
            pins.setdefault(name, set()).add(commit)
    assert {name: len(commits) for name, commits in pins.items() if len(commits) > 1} == {}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: str(file.stem))
def test_no_workflow_has_a_permission_but_what_a_job_asks_for(file: Path) -> None:
    assert load(file)["permissions"] == {}


def test_no_job_may_write_more_than_it_needs() -> None:
    writes = {
        (name, scope)
        for name, job in jobs()
        for scope, level in job["permissions"].items()
        if level not in ("read", "none")
    }
    assert writes == {
        ("pull-request/preview", "pull-requests"),
        ("drift/drift", "issues"),
        ("verify/verify", "issues"),
        ("status-page/publish", "pages"),
        ("status-page/publish", "id-token"),
    }


def test_the_checked_out_folder_never_holds_a_token() -> None:
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_workflow_runs_a_forks_code_with_the_repositorys_rights() -> None:
    for file in WORKFLOWS:
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers(load(file)))


PAGES = "github-pages"
PREVIEW, REVIEW, STACK = "preview-${{ matrix.stack }}", "review-${{ matrix.stack }}", "${{ matrix.stack }}"


def test_no_branch_but_main_gets_a_secret_unless_somebody_has_looked_at_it() -> None:
    holders = {name: job for name, job in jobs() if "secrets." in yaml.safe_dump(job)}
    assert {name: job["environment"] for name, job in holders.items()} == {
        "deploy/preview": PREVIEW,
        "deploy/deploy": STACK,
        "backup/backup": PREVIEW,
        "drift/drift": PREVIEW,
        "verify/verify": PREVIEW,
        "status-page/look": PREVIEW,
        "pull-request/preview": REVIEW,
    }
    for job in holders.values():
        if job["environment"] == REVIEW:
            assert "vars.PULL_REQUEST_PREVIEWS == 'true'" in job["if"]
        else:
            assert "github.ref == 'refs/heads/main'" in job["if"]


def test_before_a_secret_is_used_the_environments_rules_are_looked_at() -> None:
    for _name, job in jobs():
        if "secrets." not in yaml.safe_dump(job):
            continue
        with_secrets = next(i for i, step in enumerate(job["steps"]) if "secrets." in yaml.safe_dump(step))
        guards = [step for step in job["steps"][:with_secrets] if "operate.workflow.environment" in step.get("run", "")]
        assert [step["env"]["NAME"] for step in guards] == [job["environment"]]
        wanted = "--reviewers" if job["environment"] == REVIEW else "--branch main"
        assert guards[0]["run"].endswith(wanted)


def test_a_fork_gets_the_tests_and_no_secret() -> None:
    parts = workflow("pull-request")["jobs"]
    assert "secrets." not in yaml.safe_dump(parts["tests"])
    assert "environment" not in parts["tests"]
    assert "head.repo.full_name == github.repository" in parts["preview"]["if"]


def test_what_reaches_the_servers_runs_where_the_repository_says_and_a_forks_code_never_does() -> None:
    runners = {name: job["runs-on"] for name, job in jobs()}
    own = {name for name, runner in runners.items() if runner == "${{ vars.RUNNER || 'ubuntu-24.04' }}"}
    assert own == {name for name, job in jobs() if job.get("environment", PAGES) != PAGES}
    assert {runner for name, runner in runners.items() if name not in own} == {"ubuntu-24.04"}


def test_secrets_come_from_environments_only() -> None:
    assert {name for name, job in jobs() if "secrets." in yaml.safe_dump(job) and "environment" not in job} == set()


def test_the_programs_step_never_sees_githubs_token_and_githubs_step_no_secret() -> None:
    for step in steps():
        assert not ("secrets." in yaml.safe_dump(step) and "github.token" in yaml.safe_dump(step))


def test_only_a_deploy_of_main_through_the_stacks_environment_changes_anything() -> None:
    updating = {name for name, job in jobs() if "mail deploy" in yaml.safe_dump(job)}
    assert updating == {"deploy/deploy"}
    deploy = workflow("deploy")
    assert triggers(deploy)["push"]["branches"] == ["main"]
    assert deploy["jobs"]["deploy"]["if"] == "github.ref == 'refs/heads/main'"
    assert deploy["jobs"]["deploy"]["environment"] == "${{ matrix.stack }}"


def test_what_is_deployed_is_what_the_preview_of_that_stack_showed() -> None:
    parts = workflow("deploy")["jobs"]
    (kept,) = [step["with"] for step in parts["preview"]["steps"] if "upload-artifact" in step.get("uses", "")]
    (taken,) = [step["with"] for step in parts["deploy"]["steps"] if "download-artifact" in step.get("uses", "")]
    assert kept["name"] == taken["name"] == "approval-${{ matrix.stack }}"
    assert kept["path"] == "approval"
    commands = {name: yaml.safe_dump(job["steps"], width=1000) for name, job in parts.items()}
    assert "--approval approval" in commands["preview"]
    assert "--approved approval" in commands["deploy"]


def test_a_deploy_that_failed_or_was_cut_off_says_what_is_to_be_repaired() -> None:
    *_, last = workflow("deploy")["jobs"]["deploy"]["steps"]
    assert last["run"] == './run mail repair --check --stack "$STACK"'
    assert "steps.deploy.outcome == 'failure' || steps.deploy.outcome == 'cancelled'" in last["if"]


@pytest.mark.parametrize("name", ["drift", "verify"])
def test_what_is_found_fails_no_job_and_a_check_that_could_not_look_does(name: str) -> None:
    (look, tell) = [step for step in workflow(name)["jobs"][name]["steps"] if f"{name}.md" in step.get("run", "")]
    assert f"--output {name}.md " in look["run"]
    assert look["run"].endswith(" || test $? -eq 3")
    assert tell["env"]["OUTCOME"] == f"${{{{ steps.{look['id']}.outcome }}}}"
    assert f'--about {name} --check "$OUTCOME"' in tell["run"]


def test_verify_looks_every_night_from_where_port_25_and_ssh_are_let_through() -> None:
    assert all(each["cron"].split()[2:] == ["*", "*", "*"] for each in triggers(workflow("verify"))["schedule"])
    assert "vars.RUNNER != ''" in workflow("verify")["jobs"]["verify"]["if"]


def test_a_status_page_is_published_only_where_that_is_wanted_red_or_not_and_by_a_job_without_secrets() -> None:
    parts = workflow("status-page")["jobs"]
    assert "vars.STATUS_PAGE == 'true'" in parts["look"]["if"]
    (shown,) = [step["run"] for step in parts["look"]["steps"] if "mail status" in step.get("run", "")]
    assert shown.endswith("|| test $? -eq 1")
    assert parts["publish"]["needs"] == "look"
    assert (parts["publish"]["environment"], "secrets." in yaml.safe_dump(parts["publish"])) == (PAGES, False)


def test_each_stacks_page_has_the_same_place_however_many_stacks_there_are() -> None:
    """Of a lone artifact, unlike of several, the download makes no folder with its name."""
    parts = workflow("status-page")["jobs"]
    (shown,) = [step["run"] for step in parts["look"]["steps"] if "mail status" in step.get("run", "")]
    assert '--html "page/page-$STACK"' in shown
    (taken,) = [step["with"] for step in parts["publish"]["steps"] if "download-artifact" in step["uses"]]
    assert taken == {"pattern": "page-*", "path": "site", "merge-multiple": True}


@pytest.mark.parametrize("name", ["verify", "status-page"])
def test_where_the_runner_has_no_ipv6_it_is_left_out(name: str) -> None:
    lines = [
        step["run"]
        for job in workflow(name)["jobs"].values()
        for step in job["steps"]
        if step.get("env", {}).get("IPV4_ONLY") == "${{ vars.IPV4_ONLY }}"
    ]
    assert ["${IPV4_ONLY:+--ipv4}" in line for line in lines] == [True]


def test_backups_are_pruned_each_week_and_drilled_each_month() -> None:
    backup = workflow("backup")
    weekly, monthly = (each["cron"].split() for each in triggers(backup)["schedule"])
    assert (weekly[2:], monthly[2:]) == (["*", "*", "0"], ["1", "*", "*"])
    job = backup["jobs"]["backup"]
    assert f"'{' '.join(monthly)}' && 'drill' || 'prune'" in job["env"]["VERB"]
    assert './run mail backup "$VERB" --stack "$STACK" --if-any' in [step.get("run") for step in job["steps"]]


def test_nothing_cancels_an_update_that_has_begun() -> None:
    deploy = workflow("deploy")
    job = deploy["jobs"]["deploy"]
    assert job["concurrency"] == {"group": "deploy-${{ matrix.stack }}", "cancel-in-progress": False}
    assert job["strategy"]["fail-fast"] is False
    assert "timeout-minutes" not in job
    assert "concurrency" not in deploy


def test_what_a_step_runs_is_in_the_repository_and_takes_values_from_its_environment_only() -> None:
    commands = [step["run"] for step in steps() if "run" in step]
    assert all("${{" not in command and len(command.splitlines()) == 1 for command in commands)
    assert all(re.match(r'(\./run |make |echo "list=\$\(\./run )', command) for command in commands)


def test_each_module_that_a_step_runs_exists() -> None:
    runs = [step.get("run", "") for step in steps()]
    modules = {match for run in runs for match in re.findall(r"python -m (\S+?)[ )]", run)}
    assert modules == {f"operate.workflow.{name}" for name in ("stacks", "environment", "comment", "issue", "verify")}
    assert all(find_spec(module) for module in modules)
    commands = {match for run in runs for match in re.findall(r"\./run mail (\w+)", run)}
    assert commands == {"preview", "deploy", "repair", "drift", "backup", "status"}
    assert commands <= COMMANDS.keys()


def test_the_cli_is_the_version_that_the_toolchain_builds() -> None:
    (version,) = [step["with"]["pulumi-version"] for step in steps() if "pulumi/actions@" in step.get("uses", "")]
    assert f"github.com/pulumi/pulumi/pkg/v3 v{version}" in (ROOT / "offline/toolchain/go.mod").read_text()


def test_dependabot_renews_actions_packages_modules_and_images_and_finds_what_it_is_sent_to() -> None:
    wanted = {"github-actions": "*", "uv": "requirements.in", "gomod": "go.mod", "docker": "Dockerfile"}
    updates = load(GITHUB / "dependabot.yml")["updates"]
    assert [update["package-ecosystem"] for update in updates] == list(wanted)
    for update in updates:
        for directory in update.get("directories") or [update["directory"]]:
            assert list((ROOT / directory.strip("/")).glob(wanted[update["package-ecosystem"]])), update


def test_every_go_module_is_renewed() -> None:
    files = [file for folder in (GITHUB, ROOT / "offline/toolchain") for file in folder.rglob("go.mod")]
    (modules,) = [u for u in load(GITHUB / "dependabot.yml")["updates"] if u["package-ecosystem"] == "gomod"]
    assert sorted(f"/{file.parent.relative_to(ROOT)}" for file in files) == sorted(modules["directories"])


def test_every_night_the_engines_tests_run_and_not_on_a_stand_in(tmp_path: Path) -> None:
    *_, guard, last = workflow("nightly")["jobs"]["engine"]["steps"]
    assert last["run"] == "./run pytest tests/engine"
    _run, *command = shlex.split(guard["run"])
    plugin = tmp_path / "plugins" / "resource-hcloud-v1.43.0" / "pulumi-resource-hcloud"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    variables = os.environ | {"PULUMI_HOME": str(tmp_path)}
    assert subprocess.run(command, env=variables, check=False).returncode == 0
    plugin.with_name("pulumi-resource-docker").symlink_to(plugin)
    assert subprocess.run(command, env=variables, capture_output=True, check=False).returncode == 1
