"""Print the sum of one column of a CSV file."""
import csv
import sys


def main(arguments: list) -> int:
    if len(arguments) != 1:
        print("usage: main.py COLUMN < FILE", file=sys.stderr)
        return 2
    rows = csv.DictReader(sys.stdin)
    if arguments[0] not in (rows.fieldnames or []):
        print(f"no column {arguments[0]}", file=sys.stderr)
        return 1
    print(sum(int(row[arguments[0]]) for row in rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
