import collections


def top_words(text, count):
    """Return the most frequent words with their counts."""
    words = collections.Counter(text.split())
    return [list(pair) for pair in words.most_common(count)]
