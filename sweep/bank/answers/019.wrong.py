"""Count JSON records by the value of a field."""
import collections
import json
import sys

if __name__ == "__main__":
    counts = collections.Counter(json.loads(line)[sys.argv[1]] for line in sys.stdin)
    for value, count in counts.most_common():
        print(f"{value}\t{count}")
