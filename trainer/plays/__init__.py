"""Statements resolved to counted plays, as an artists x venues matrix."""
