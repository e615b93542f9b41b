def justify(words: list, width: int) -> list:
    """Set words in lines of exactly the given width."""
    lines: list = []
    current = ""
    for word in words:
        if current and len(current) + 1 + len(word) > width:
            lines.append(current.ljust(width))
            current = word
        else:
            current = f"{current} {word}".strip()
    lines.append(current.ljust(width))
    return lines
