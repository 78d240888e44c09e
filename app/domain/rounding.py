"""The only rounding: everything is exact until it is reported, and then rounded half up, once."""

from fractions import Fraction


def half_up(value: Fraction) -> int:
    """The nearest whole number, a half upwards."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
