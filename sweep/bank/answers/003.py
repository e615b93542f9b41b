def count_vowels(text: str) -> int:
    """Count a, e, i, o and u, whatever their case."""
    return sum(1 for letter in text.lower() if letter in "aeiou")
