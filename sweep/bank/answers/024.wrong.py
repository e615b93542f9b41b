"""Run a program for a small stack machine."""
import sys

if __name__ == "__main__":
    program = [line.split() for line in sys.stdin]
    stack = []
    place = 0
    while place < len(program):
        name, *arguments = program[place]
        place += 1
        if name == "push":
            stack.append(int(arguments[0]))
        elif name == "add":
            stack.append(stack.pop() + stack.pop())
        elif name == "sub":
            upper = stack.pop()
            stack.append(stack.pop() - upper)
        elif name == "mul":
            stack.append(stack.pop() * stack.pop())
        elif name == "dup":
            stack.append(stack[-1])
        elif name == "print":
            print(stack.pop())
        elif name == "jmp" and int(arguments[0]) != 0:
            place = int(arguments[0])
        elif name == "jz":
            if stack.pop() == 0:
                place = int(arguments[0])
        else:
            break
