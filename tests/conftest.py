"""What holds for all tests."""

LONGEST_SHOWN = 100
"""Characters. What is longer is mostly a key that was made a moment ago: another one in each process."""


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a test by a long text's place among its parameters, not by the text."""
    return argname if isinstance(val, str) and len(val) > LONGEST_SHOWN else None
