def chunk(items, size):
    """Cut items into lists of the given size."""
    pieces = []
    for start in range(0, len(items) - size + 1, size):
        pieces.append(items[start:start + size])
    return pieces
