"""The error of a step that cannot go on."""


class SetUpError(Exception):
    """What is missing or failed, and what the person can do about it."""
