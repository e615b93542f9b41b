def lru(capacity: int, operations: list) -> list:
    """Return what each get finds in a cache of limited size."""
    cache: dict = {}
    found: list = []
    for operation in operations:
        if operation[0] == "get":
            found.append(cache.get(operation[1]))
        else:
            cache[operation[1]] = operation[2]
            if len(cache) > capacity:
                del cache[next(iter(cache))]
    return found
