"""What forms of Storage Boxes and of their subaccounts have in common."""

import re
from collections.abc import Mapping
from typing import Any

from offline.sandbox.datacentre.form import Form

PASSWORD = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^a-zA-Z\d])[ -~]{12,128}")
"""Twelve characters at least, of all four kinds; the password policy of the API's reference."""
RANGES = {"minute": (0, 59), "hour": (0, 23), "day_of_week": (1, 7), "day_of_month": (1, 31)}
"""Of a snapshot plan; the week begins with Monday."""


def new_password(form: Form) -> str:
    """The password in the form."""
    password = form.required_text("password")
    if not PASSWORD.fullmatch(password):
        form.wrong("password", "needs 12 to 128 characters: small and capital letters, digits, and others")
    return password


def access_settings(form: Form, field: str | None, before: Mapping[str, bool]) -> dict[str, bool]:
    """The switches in a field of the form, or in the form itself; what it does not name stays as before."""
    inner = form if field is None else Form(form.raw(field) or {})
    found = {name: inner.flag(name, value) for name, value in before.items()}
    for name, problem in inner.problems.items():
        form.wrong(name if field is None else f"{field}.{name}", problem)
    return found


def snapshot_plan(form: Form, limit: int) -> dict[str, Any]:
    """The plan in the form; `limit` is how many snapshots it may keep."""
    plan = {name: form.number(name) for name in ("max_snapshots", *RANGES)}
    for name, (lowest, highest) in {"max_snapshots": (1, limit), **RANGES}.items():
        value = plan[name]
        if value is None and not name.startswith("day_"):
            form.wrong(name, "is required")
        elif value is not None and not lowest <= value <= highest:
            form.wrong(name, f"must be between {lowest} and {highest}")
    if plan["day_of_week"] is not None and plan["day_of_month"] is not None:
        form.wrong("day_of_month", "cannot be set together with day_of_week")
    return plan
