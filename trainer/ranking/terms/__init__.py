"""The terms of the score, one file each: formula, source, cost, and what it says to people."""
