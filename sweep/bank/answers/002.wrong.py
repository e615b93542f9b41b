def is_leap_year(year):
    """Say whether the year has a 29 February."""
    return year % 4 == 0 and year % 100 != 0
