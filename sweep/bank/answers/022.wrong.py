"""Print how two sets of settings differ."""
import sys


def settings(text):
    return dict(line.split("=")[:2] for line in text.split() if "=" in line)


if __name__ == "__main__":
    first, second = sys.stdin.read().split("---")
    old, new = settings(first), settings(second)
    for key in sorted(set(old) | set(new)):
        if key not in old:
            print(f"+{key}={new[key]}")
        elif key not in new:
            print(f"-{key}={old[key]}")
        elif old[key] != new[key]:
            print(f"~{key}={old[key]}->{new[key]}")
