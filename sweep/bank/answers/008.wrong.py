def roman(number: int) -> str:
    """Write a number in Roman numerals."""
    written = ""
    for value, sign in [(1000, "M"), (500, "D"), (100, "C"), (50, "L"), (10, "X"), (5, "V"), (1, "I")]:
        while number >= value:
            written += sign
            number -= value
    return written
