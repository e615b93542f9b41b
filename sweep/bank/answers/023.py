def set_line(words: list, width: int, is_last: bool) -> str:
    """Set one line."""
    if is_last or len(words) == 1:
        return " ".join(words).ljust(width)
    gaps = len(words) - 1
    spaces = width - sum(len(word) for word in words)
    line = words[0]
    for place, word in enumerate(words[1:]):
        line += " " * (spaces // gaps + (1 if place < spaces % gaps else 0)) + word
    return line


def justify(words: list, width: int) -> list:
    """Set words in lines of exactly the given width."""
    if width < 1 or any(len(word) > width for word in words):
        raise ValueError("the words do not fit the width")
    lines: list = []
    current: list = []
    for word in words:
        if current and len(" ".join(current + [word])) > width:
            lines.append(set_line(current, width, False))
            current = []
        current.append(word)
    if current:
        lines.append(set_line(current, width, True))
    return lines
