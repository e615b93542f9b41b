import re


def parse_duration(text: str) -> int:
    """Return the seconds of a duration such as 1h30m."""
    seconds = 0
    for number, unit in re.findall(r"([0-9]+)([hms])", text):
        seconds += int(number) * {"h": 3600, "m": 60, "s": 1}[unit]
    return seconds
