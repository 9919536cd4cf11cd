"""A course of values as one line of text."""

from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int, top: float | None = None) -> str:
    """All values in at most ``width`` characters, each the mean of its share; zero is the lowest bar.

    The highest bar is ``top``, or the highest mean where none is given.
    """
    if not values:
        return ""
    width = min(width, len(values))
    edges = [round(index * len(values) / width) for index in range(width + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(edges)]
    top = top or max(means) or 1.0
    return "".join(_BARS[round(min(mean / top, 1.0) * (len(_BARS) - 1))] for mean in means)
