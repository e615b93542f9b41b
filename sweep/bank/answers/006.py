def run_length(text: str) -> str:
    """Encode each run of a character as the character and its count."""
    parts: list[str] = []
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or text[place] != text[start]:
            parts.append(f"{text[start]}{place - start}")
            start = place
    return "".join(parts)
