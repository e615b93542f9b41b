#!/bin/sh
# Numbers the lines of standard input that are not empty.
if [ "$#" -gt 0 ]; then
    printf 'usage: sh %s < FILE\n' "$0" >&2
    exit 2
fi
number=0
while IFS= read -r line || [ -n "$line" ]; do
    [ -n "$line" ] || continue
    number=$((number + 1))
    printf '%d: %s\n' "$number" "$line"
done
