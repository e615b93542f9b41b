"""Print the sum of the whole numbers on standard input."""
import sys

total = 0
for line in sys.stdin:
    text = line.strip()
    if text:
        total += int(float(text))
print(total)
