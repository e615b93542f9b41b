def caesar(text: str, shift: int) -> str:
    """Shift the letters of a text along the alphabet."""
    moved = []
    for letter in text:
        if letter.isalpha():
            moved.append(chr((ord(letter.lower()) - 97 + shift) % 26 + 97))
        else:
            moved.append(letter)
    return "".join(moved)
