#!/bin/sh
# Numbers the lines of standard input that are not empty.
number=0
while read line; do
    number=$((number + 1))
    echo "$number: $line"
done
