"""Which stacks the workflows deploy."""

from pathlib import Path

from operate.workflow.stacks import deployable

ROOT = Path(__file__).resolve().parents[2]


def write(folder: Path, stack: str, config: str) -> None:
    (folder / f"Pulumi.{stack}.yaml").write_text(f"config:\n  {config}\n")


def test_stacks_on_a_sandbox_of_this_machine_are_not_deployed_from_elsewhere() -> None:
    assert "dev" not in deployable(ROOT)


def test_all_others_are_the_unprotected_ones_first(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: poste-mail\n")
    write(tmp_path, "prod", "poste-mail:mailHost: mail.example.com")
    write(tmp_path, "staging", 'poste-mail:protect: "false"')
    write(tmp_path, "archive", "poste-mail:protect: true")
    write(tmp_path, "dev", "hcloud:endpoint: http://127.0.0.1:47001/v1")
    (tmp_path / "Pulumi.new.yaml").write_text("")
    assert deployable(tmp_path) == ["staging", "archive", "new", "prod"]
