def count_vowels(text):
    """Count a, e, i, o and u, whatever their case."""
    return sum(1 for letter in text if letter in "aeiou")
