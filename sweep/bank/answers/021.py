def matches(pattern: str, text: str) -> bool:
    """Say whether the whole text matches a pattern with ? and *."""
    reached = [True] + [False] * len(text)
    for sign in pattern:
        if sign == "*":
            for place in range(1, len(text) + 1):
                reached[place] = reached[place] or reached[place - 1]
        else:
            for place in range(len(text), 0, -1):
                reached[place] = reached[place - 1] and sign in ("?", text[place - 1])
            reached[0] = False
    return reached[-1]
