"""Run a program for a small stack machine."""
import sys

MOST_STEPS = 10000
TWO = {
    "add": lambda lower, upper: lower + upper,
    "sub": lambda lower, upper: lower - upper,
    "mul": lambda lower, upper: lower * upper,
}


def run(program: list) -> None:
    """Run the instructions; whatever is wrong raises ValueError or IndexError."""
    stack: list = []
    place = 0
    for _ in range(MOST_STEPS + 1):
        if place == len(program):
            return
        if not 0 <= place < len(program):
            raise ValueError(f"no instruction {place}")
        name, *arguments = program[place]
        place += 1
        if len(arguments) != (1 if name in ("push", "jmp", "jz") else 0):
            raise ValueError(f"wrong arguments of {name}")
        if name == "push":
            stack.append(int(arguments[0]))
        elif name in TWO:
            upper, lower = stack.pop(), stack.pop()
            stack.append(TWO[name](lower, upper))
        elif name == "dup":
            stack.append(stack[-1])
        elif name == "swap":
            upper, lower = stack.pop(), stack.pop()
            stack += [upper, lower]
        elif name == "drop":
            stack.pop()
        elif name == "print":
            print(stack.pop())
        elif name == "jmp":
            place = int(arguments[0])
        elif name == "jz":
            place = int(arguments[0]) if stack.pop() == 0 else place
        elif name == "halt":
            return
        else:
            raise ValueError(f"unknown instruction {name}")
    raise ValueError("too many steps")


def main() -> int:
    try:
        run([line.split() for line in sys.stdin if line.strip()])
    except (ValueError, IndexError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
