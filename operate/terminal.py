"""What others have written, on a terminal."""


def printable(text: str) -> str:
    """A text in one line, without what would move a terminal's cursor or turn the direction of writing."""
    kept = (character if character.isprintable() else " " * character.isspace() for character in text)
    return "".join(kept)
