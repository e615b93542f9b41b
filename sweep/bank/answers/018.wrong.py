def spiral(matrix: list) -> list:
    """Return the items of a matrix in the order of a spiral."""
    path: list = []
    top, left, bottom, right = 0, 0, len(matrix) - 1, len(matrix[0]) - 1
    while top <= bottom and left <= right:
        path += matrix[top][left:right + 1]
        path += [matrix[row][right] for row in range(top + 1, bottom + 1)]
        path += matrix[bottom][left:right][::-1]
        path += [matrix[row][left] for row in range(bottom - 1, top, -1)]
        top, left, bottom, right = top + 1, left + 1, bottom - 1, right - 1
    return path
