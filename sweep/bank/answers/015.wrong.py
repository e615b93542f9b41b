"""Print the sum of one column of a CSV file."""
import sys

if __name__ == "__main__":
    lines = sys.stdin.read().splitlines()
    place = lines[0].split(",").index(sys.argv[1])
    print(sum(int(line.split(",")[place]) for line in lines[1:]))
