def initials(name):
    """Return the capital initials of the words of a name."""
    return "".join(word[:1].upper() + "." for word in name.split(" "))
