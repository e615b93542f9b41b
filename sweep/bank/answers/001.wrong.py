def clamp(value: int, low: int, high: int) -> int:
    """Return value, or the nearer of the two bounds when it lies outside them."""
    return max(low, min(value, high))
