"""Looks whether GitHub guards an environment: `python -m operate.workflow.environment preview-prod --branch main`.

An environment holds the secrets of a stack, and GitHub gives them to whatever workflow names it, unless its rules
forbid that. A workflow that finds its environment open stops and says so.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from operate.workflow.github import GitHub, Json


def main(arguments: Sequence[str]) -> int:
    """0 if the environment has the rules that are asked for, else 1 with what is missing."""
    parser = argparse.ArgumentParser(prog="python -m operate.workflow.environment", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--branch", help="the only branch that may use it")
    parser.add_argument("--reviewers", action="store_true", help="somebody must approve each use of it")
    options = parser.parse_args(arguments)
    path = f"/environments/{quote(options.name, safe='')}"
    github = GitHub()
    environment = github.get(path)
    policies = github.get(f"{path}/deployment-branch-policies") if _has_own_policies(environment) else {}
    problems = list(_problems(environment, policies, options.branch, reviewers=options.reviewers))
    for problem in problems:
        print(f"The environment {options.name} {problem} How to set it up: docs/stacks.md.", file=sys.stderr)
    return 1 if problems else 0


def _problems(environment: Json, policies: Json, branch: str | None, *, reviewers: bool) -> Iterator[str]:
    if branch:
        rule = environment.get("deployment_branch_policy")
        others = sorted({policy["name"] for policy in policies.get("branch_policies", ())} - {branch})
        if not rule:
            yield f"can be used from any branch, so whoever may push one can have its secrets: allow {branch} alone."
        elif others:
            names = ", ".join(others)
            yield f"can be used from {names}, so whoever may push there can have its secrets: allow {branch} alone."
    if reviewers and not any(rule["type"] == "required_reviewers" for rule in environment["protection_rules"]):
        yield "has no required reviewers, so whoever may push a branch can have its secrets: name some."


def _has_own_policies(environment: Json) -> bool:
    """Whether branches are listed by name; the other kind of rule allows the protected branches."""
    return bool((environment.get("deployment_branch_policy") or {}).get("custom_branch_policies"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
