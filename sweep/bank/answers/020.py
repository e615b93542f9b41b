from collections import OrderedDict


def lru(capacity: int, operations: list) -> list:
    """Return what each get finds in a cache of limited size."""
    if capacity < 0:
        raise ValueError("capacity must not be negative")
    cache: OrderedDict = OrderedDict()
    found: list = []
    for operation in operations:
        key = operation[1]
        if operation[0] == "get":
            found.append(cache.get(key))
        else:
            cache[key] = operation[2]
        if key in cache:
            cache.move_to_end(key)
        while len(cache) > capacity:
            cache.popitem(last=False)
    return found
