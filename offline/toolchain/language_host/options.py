"""The `runtime.options` of Pulumi.yaml or PulumiPolicy.yaml.

https://www.pulumi.com/docs/iac/concepts/projects/project-file/#runtime-options
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from offline.toolchain.language_host.errors import LanguageHostError

INSTALL_PAGE = "https://www.pulumi.com/docs/iac/download-install/"


@dataclass(frozen=True)
class RuntimeOptions:
    """Where the program's packages live: an absolute virtual environment, or None for the Python on PATH."""

    virtualenv: Path | None

    @classmethod
    def parse(cls, root: str, options: Mapping[str, object]) -> "RuntimeOptions":
        """Read `options`; a relative virtual environment is relative to `root`, the folder of the YAML file.

        Raises LanguageHostError for a value of the wrong type, and for an option this host does not have: better than
        to run without it.
        """
        for name in ("virtualenv", "toolchain", "typechecker"):
            if not isinstance(options.get(name, ""), str):
                raise LanguageHostError(f"the runtime option {name} must be a string, not {options[name]!r}")
        for name, supported in (("toolchain", ("", "pip")), ("typechecker", ("",))):
            if options.get(name, "") not in supported:
                raise LanguageHostError(
                    f"the offline Python language host does not have {name}: {options[name]}. "
                    f"Leave the option out, or install Pulumi's own CLI: {INSTALL_PAGE}"
                )
        virtualenv = str(options.get("virtualenv", ""))
        return cls(virtualenv=Path(root, virtualenv) if virtualenv else None)
