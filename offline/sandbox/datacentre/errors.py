"""The API's errors: HTTP status, code, message and details, as https://docs.hetzner.cloud describes them."""

from collections.abc import Mapping


class ApiError(Exception):
    """Ends a request with an error response."""

    def __init__(self, status: int, code: str, message: str, details: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def json(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


def invalid_input(problems: Mapping[str, str]) -> ApiError:
    """What is wrong, field by field; the message names the first as the API does."""
    field, reason = next(iter(problems.items()))
    fields = [{"name": name, "messages": [message]} for name, message in problems.items()]
    return ApiError(422, "invalid_input", f"invalid input in field '{field}': {reason}", {"fields": fields})


def not_found(kind: str, wanted: object) -> ApiError:
    return ApiError(404, "not_found", f"{kind.replace('_', ' ')} with ID '{wanted}' not found")


def not_unique(kind: str, field: str) -> ApiError:
    message = f"{kind.replace('_', ' ')} with the same {field.replace('_', ' ')} already exists"
    return ApiError(409, "uniqueness_error", message, {"fields": [{"name": field}]})


def protected(kind: str) -> ApiError:
    return ApiError(423, "protected", f"{kind.replace('_', ' ')} is delete protected")


def conflict(status: int, code: str, message: str) -> ApiError:
    """An operation-specific error, such as `server_not_stopped`."""
    return ApiError(status, code, message)
