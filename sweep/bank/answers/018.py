def spiral(matrix: list) -> list:
    """Return the items of a matrix in the order of a spiral."""
    rest = [list(row) for row in matrix]
    path: list = []
    while rest:
        path += rest.pop(0)
        rest = [list(row) for row in zip(*rest)][::-1]
    return path
