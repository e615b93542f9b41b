"""Print how two sets of settings differ."""
import sys


def settings(lines: list) -> dict:
    found = {}
    for line in lines:
        if not line or line.startswith("#"):
            continue
        key, sign, value = line.partition("=")
        if not sign:
            raise ValueError(f"no setting: {line}")
        found[key] = value
    return found


def main() -> int:
    lines = sys.stdin.read().splitlines()
    try:
        border = lines.index("---")
        old, new = settings(lines[:border]), settings(lines[border + 1:])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    differs = False
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) == new.get(key):
            continue
        differs = True
        if key not in old:
            print(f"+{key}={new[key]}")
        elif key not in new:
            print(f"-{key}={old[key]}")
        else:
            print(f"~{key}={old[key]}->{new[key]}")
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
