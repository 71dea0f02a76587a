"""The one error the language host raises on purpose."""


class LanguageHostError(Exception):
    """What stops a request, in words for the person at the terminal; it becomes the gRPC status's message."""
