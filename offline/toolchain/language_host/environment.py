"""The Python interpreter that a program or policy pack runs with."""

import os
import shutil
from pathlib import Path

from offline.toolchain.language_host.errors import LanguageHostError
from offline.toolchain.language_host.options import RuntimeOptions


class PythonEnvironment:
    """A virtual environment, or without one the Python on PATH."""

    def __init__(self, options: RuntimeOptions) -> None:
        self.virtualenv = options.virtualenv

    @property
    def interpreter(self) -> Path:
        """The interpreter's path; of a virtual environment it need not exist yet."""
        return self.virtualenv / "bin" / "python" if self.virtualenv else ambient_interpreter()

    @property
    def exists(self) -> bool:
        """Whether the interpreter can be run."""
        return self.virtualenv is None or self.interpreter.is_file()

    def require(self) -> None:
        """Raise LanguageHostError when the virtual environment is not there."""
        if not self.exists:
            raise LanguageHostError(
                f"there is no virtual environment at {self.virtualenv}, "
                "which the runtime option virtualenv names: ./run makes it"
            )

    def variables(self) -> dict[str, str]:
        """This process's environment, with the virtual environment activated as its `activate` script does."""
        variables = dict(os.environ)
        if self.virtualenv:
            variables.pop("PYTHONHOME", None)
            variables["VIRTUAL_ENV"] = str(self.virtualenv)
            variables["PATH"] = os.pathsep.join(filter(None, (str(self.interpreter.parent), variables.get("PATH"))))
        return variables


def ambient_interpreter() -> Path:
    """The Python on PATH, or the one PULUMI_PYTHON_CMD names; LanguageHostError when there is none."""
    names = [os.environ["PULUMI_PYTHON_CMD"]] if os.environ.get("PULUMI_PYTHON_CMD") else ["python3", "python"]
    for name in names:
        if path := shutil.which(name):
            return Path(path)
    raise LanguageHostError(f"there is no {' or '.join(names)} on PATH: install Python 3.11 or later")
