def evaluate(expression: str) -> int:
    """Evaluate whole-number arithmetic."""
    return int(eval(expression))
