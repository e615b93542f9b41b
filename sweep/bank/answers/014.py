import re
from collections import Counter


def top_words(text: str, count: int) -> list:
    """Return the most frequent words with their counts."""
    words = Counter(re.findall(r"[a-z]+", text.lower()))
    ordered = sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))
    return [[word, times] for word, times in ordered[:count]]
