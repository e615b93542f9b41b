def balanced(text: str) -> bool:
    """Say whether all brackets close in the right order."""
    partner = {")": "(", "]": "[", "}": "{"}
    opened: list[str] = []
    for letter in text:
        if letter in "([{":
            opened.append(letter)
        elif letter in partner:
            if not opened or opened.pop() != partner[letter]:
                return False
    return not opened
