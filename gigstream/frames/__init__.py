"""Lists, plays and quality as pandas DataFrames, from an events file or an installation.

    from gigstream import frames

    gigs = frames.fit("gigs.tsv")  # or frames.live()
    gigs.venues("a17", n=5)

`examples/recommender.ipynb` shows all of it.
"""

from gigstream.frames.from_events import fit
from gigstream.frames.from_installation import live

__all__ = ["fit", "live"]
