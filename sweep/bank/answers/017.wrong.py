def build_order(graph: dict) -> list:
    """Order names so that each follows what it depends on."""
    order: list = []

    def visit(name):
        if name in order:
            return
        for need in graph[name]:
            visit(need)
        order.append(name)

    for name in graph:
        visit(name)
    return order
