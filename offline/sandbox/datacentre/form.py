"""Reads a request's JSON body field by field and collects every problem, so that one answer names them all."""

from collections.abc import Collection
from typing import Any

from offline.sandbox.datacentre.errors import ApiError, invalid_input
from offline.sandbox.datacentre.labels import label_problem


class Form:
    """A request body. Each reader returns the value, or None when it is absent or wrong; the `required_` ones then
    return an empty value. `check` raises if anything was wrong.
    """

    def __init__(self, data: object) -> None:
        if not isinstance(data, dict):
            raise ApiError(400, "json_error", "request body must be a JSON object")
        self._data: dict[str, Any] = data
        self.problems: dict[str, str] = {}

    def wrong(self, field: str, reason: str) -> None:
        self.problems.setdefault(field, reason)

    def check(self) -> None:
        if self.problems:
            raise invalid_input(self.problems)

    def has(self, field: str) -> bool:
        return self._data.get(field) is not None

    def raw(self, field: str) -> Any:
        return self._data.get(field)

    def text(self, field: str, *, maximum: int | None = None) -> str | None:
        value = self._data.get(field)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong(field, "must be a string")
            return None
        if maximum is not None and len(value.encode()) > maximum:
            self.wrong(field, "is too long")
            return None
        return value

    def required_text(self, field: str, *, maximum: int | None = None) -> str:
        value = self.text(field, maximum=maximum)
        if not value:
            self.wrong(field, "is required")
        return value or ""

    def required_choice(self, field: str, choices: Collection[str]) -> str:
        value = self.required_text(field)
        if value not in choices:
            self.wrong(field, f"must be one of: {', '.join(sorted(choices))}")
        return value

    def number(self, field: str) -> int | None:
        value = self._data.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(field, "must be an integer")
            return None
        return value

    def required_number(self, field: str) -> int:
        value = self.number(field)
        if value is None:
            self.wrong(field, "is required")
        return value or 0

    def flag(self, field: str, default: bool) -> bool:
        value = self._data.get(field)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(field, "must be a boolean")
            return default
        return value

    def id_or_name(self, field: str) -> int | str | None:
        """An id, as a number or in digits, or a name."""
        value = self._data.get(field)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        text = self.text(field)
        return int(text) if text is not None and text.isdecimal() else text

    def items(self, field: str) -> list[Any]:
        value = self._data.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(field, "must be an array")
            return []
        return value

    def labels(self) -> dict[str, str] | None:
        """The labels given, None when the field is absent."""
        value = self._data.get("labels")
        if value is None:
            return None
        problem = label_problem(value)
        if problem is not None:
            self.wrong("labels", problem)
            return None
        return dict(value)
