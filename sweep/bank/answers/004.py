def initials(name: str) -> str:
    """Return the capital initials of the words of a name."""
    return "".join(word[0].upper() + "." for word in name.split())
