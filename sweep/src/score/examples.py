"""Carries out the examples of a task, each in a process of its own, and prints one JSON line for each.

The order comes on standard input: {"file", "entry", "command", "limit_s", "cases": [...]}.
What should come out is not in it: an answer cannot read it here.
"""
import importlib.util
import json
import os
import select
import signal
import sys
import time

MOST = 1 << 20


def call(file, entry, arguments):
    """Load the answer and call its function; runs in a child."""
    spec = importlib.util.spec_from_file_location("answer", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["answer"] = module
    spec.loader.exec_module(module)
    return getattr(module, entry)(*arguments)


def in_child(order, case, pipe):
    """What a child does: everything it learns goes through the pipe."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    try:
        result = {"returns": call(order["file"], order["entry"], case["args"])}
        text = json.dumps(result, allow_nan=False)
    except BaseException as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        text = json.dumps({"raises": kinds, "message": str(error)[:200]})
    data = text.encode()
    while data:
        data = data[os.write(pipe, data):]


def function(order, case):
    """Carry out one call."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.close(reader)
            in_child(order, case, writer)
        finally:
            os._exit(0)
    os.close(writer)
    deadline = time.monotonic() + order["limit_s"]
    data = b""
    timed_out = False
    while len(data) <= MOST:
        ready, _, _ = select.select([reader], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            timed_out = True
            break
        part = os.read(reader, 65536)
        if not part:
            break
        data += part
    os.close(reader)
    try:
        os.killpg(child, signal.SIGKILL)
    except OSError:
        pass
    os.waitpid(child, 0)
    if timed_out:
        return {"timeout": True}
    try:
        return json.loads(data)
    except ValueError:
        return {"broken": True}


def program(order, case):
    """Carry out one execution."""
    import subprocess  # Slow to load, and functions need none of it.

    child = subprocess.Popen(
        order["command"] + case["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        output, _ = child.communicate(case["stdin"].encode(), timeout=order["limit_s"])
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return {"timeout": True}
    return {"stdout": output[:MOST].decode("utf-8", "replace"), "exit": child.returncode}


def main():
    """Carry out all."""
    order = json.load(sys.stdin)
    one = function if order["entry"] else program
    for case in order["cases"]:
        print(json.dumps(one(order, case)), flush=True)


main()
