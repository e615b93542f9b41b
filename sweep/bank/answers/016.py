def evaluate(expression: str) -> int:
    """Evaluate whole-number arithmetic by recursive descent."""
    text = expression + "\n"
    place = 0

    def peek() -> str:
        nonlocal place
        while text[place] == " ":
            place += 1
        return text[place]

    def atom() -> int:
        nonlocal place
        if peek() == "-":
            place += 1
            return -atom()
        if peek() == "(":
            place += 1
            value = total()
            if peek() != ")":
                raise ValueError("a bracket is not closed")
            place += 1
            return value
        start = place
        while text[place].isdigit():
            place += 1
        if start == place:
            raise ValueError("a number is missing")
        return int(text[start:place])

    def product() -> int:
        nonlocal place
        value = atom()
        while peek() in "*/":
            sign = text[place]
            place += 1
            value = value * atom() if sign == "*" else value // atom()
        return value

    def total() -> int:
        nonlocal place
        value = product()
        while peek() in "+-":
            sign = text[place]
            place += 1
            value = value + product() if sign == "+" else value - product()
        return value

    value = total()
    if peek() != "\n":
        raise ValueError("something follows the expression")
    return value
