def clamp(value: int, low: int, high: int) -> int:
    """Return value, or the nearer of the two bounds when it lies outside them."""
    if low > high:
        low, high = high, low
    return max(low, min(value, high))
