"""Print the sum of the whole numbers on standard input."""
import sys


def main() -> int:
    total = 0
    for line in sys.stdin:
        text = line.strip()
        if not text:
            continue
        try:
            total += int(text)
        except ValueError:
            print(f"no whole number: {text}", file=sys.stderr)
            return 1
    print(total)
    return 0


if __name__ == "__main__":
    sys.exit(main())
