"""The Pulumi CLI, asked for what it knows, or told what to do unseen."""

import subprocess

from operate.errors import PulumiError


def pulumi(*arguments: str, stdin: str = "", secret_output: bool = False) -> str:
    """What a command prints. Raises PulumiError with what it says if it fails.

    Secrets go to it by standard input. With `secret_output` what it prints may hold some, and stands in no error.
    """
    try:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"], input=stdin, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise PulumiError("pulumi is not on PATH. Use: ./run mail COMMAND …") from None
    if done.returncode != 0:
        said = [done.stderr.strip(), "" if secret_output else done.stdout.strip()]
        raise PulumiError(f"pulumi {' '.join(arguments[:2])} failed: {chr(10).join(filter(None, said))}")
    return done.stdout
