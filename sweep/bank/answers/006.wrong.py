def run_length(text):
    """Encode each run of a character as the character and its count."""
    seen = {}
    for letter in text:
        seen[letter] = seen.get(letter, 0) + 1
    return "".join(f"{letter}{count}" for letter, count in seen.items())
