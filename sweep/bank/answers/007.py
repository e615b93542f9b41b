def chunk(items: list, size: int) -> list:
    """Cut items into lists of the given size."""
    if size < 1:
        raise ValueError("size must be at least 1")
    return [items[start:start + size] for start in range(0, len(items), size)]
