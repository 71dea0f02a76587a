"""Lists of tags, as DKIM keys and DMARC policies are: tag=value; tag=value (RFC 6376, section 3.2)."""


def tags(text: str) -> list[tuple[str, str]]:
    """The tags in their order and their values, without the blanks around both; one without a value has ""."""
    parts = (part.partition("=") for part in text.split(";"))
    return [(tag.strip(), value.strip()) for tag, _, value in parts if tag.strip()]


def twice(found: list[tuple[str, str]]) -> list[str]:
    """The tags that are there more than once, so that each reader takes another one for the right one."""
    names = [tag.lower() for tag, _ in found]
    return sorted({name for name in names if names.count(name) > 1})
