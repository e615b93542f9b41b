def balanced(text):
    """Say whether all brackets close in the right order."""
    return all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}"))
