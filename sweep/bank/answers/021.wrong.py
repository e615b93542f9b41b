import fnmatch


def matches(pattern: str, text: str) -> bool:
    """Say whether the whole text matches a pattern with ? and *."""
    return fnmatch.fnmatch(text, pattern)
