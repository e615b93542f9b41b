import heapq


def build_order(graph: dict) -> list:
    """Order names so that each follows what it depends on."""
    names = set(graph) | {name for needs in graph.values() for name in needs}
    waits = {name: set(graph.get(name, [])) for name in names}
    ready = [name for name in names if not waits[name]]
    heapq.heapify(ready)
    order: list = []
    while ready:
        done = heapq.heappop(ready)
        order.append(done)
        for name in names:
            if done in waits[name]:
                waits[name].remove(done)
                if not waits[name]:
                    heapq.heappush(ready, name)
    if len(order) != len(names):
        raise ValueError("the dependencies form a cycle")
    return order
