"""Count JSON records by the value of a field."""
import collections
import json
import sys


def main(arguments: list) -> int:
    if len(arguments) != 1:
        print("usage: main.py FIELD < FILE", file=sys.stderr)
        return 2
    counts: collections.Counter = collections.Counter()
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            print(f"no JSON object: {line.strip()}", file=sys.stderr)
            return 1
        counts[record.get(arguments[0], "-")] += 1
    for value, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        print(f"{value}\t{count}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
