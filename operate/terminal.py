"""What others have written, on a terminal."""


def printable(text: str) -> str:
    """A text without what would move a terminal's cursor."""
    return "".join(character for character in text if character.isprintable())
