# Calls a fixture's functions, and answers in the protocol of fixtures. What the fixture prints goes to
# standard error, so that it cannot be taken for the answer.
import importlib.machinery
import importlib.util
import json
import os
import sys
import traceback


def words_of(error):
    return "{}: {}".format(type(error).__name__, error)


def load(path):
    sys.path.insert(0, os.path.dirname(path))
    loader = importlib.machinery.SourceFileLoader("verification_fixture", path)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


def tried(module, scenario):
    expected = scenario.get("expected_output")
    result = {
        "id": scenario["id"],
        "expected_output": expected,
        "actual_output": None,
        "status": "fail",
        "error": None,
    }
    try:
        named = getattr(module, "verify_" + scenario["id"], None)
        function = named or getattr(module, "verify", None)
        if function is None:
            raise LookupError("it has neither verify_{} nor verify".format(scenario["id"]))
        # As it would be written down: what is no JSON is no answer.
        actual = json.loads(json.dumps(function(scenario.get("input_data")), allow_nan=False))
        result["actual_output"] = actual
        if actual == expected:
            result["status"] = "pass"
    except BaseException as error:
        traceback.print_exc()
        result["error"] = words_of(error)
    return result


def main():
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = json.load(sys.stdin)
    said = {"ok": False, "results": [], "fatal_error": None, "traceback": None}
    try:
        module = load(request["fixture_path"])
    except BaseException as error:
        said["fatal_error"] = words_of(error)
        said["traceback"] = traceback.format_exc()
    else:
        said["results"] = [tried(module, scenario) for scenario in request["scenarios"]]
        said["ok"] = all(result["status"] == "pass" for result in said["results"])
    json.dump(said, answer)
    answer.close()


main()
