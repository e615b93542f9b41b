def caesar(text: str, shift: int) -> str:
    """Shift the letters of a text along the alphabet."""
    moved = []
    for letter in text:
        if "a" <= letter <= "z":
            moved.append(chr((ord(letter) - ord("a") + shift) % 26 + ord("a")))
        elif "A" <= letter <= "Z":
            moved.append(chr((ord(letter) - ord("A") + shift) % 26 + ord("A")))
        else:
            moved.append(letter)
    return "".join(moved)
