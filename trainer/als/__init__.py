"""Solvers of one objective: weighted ALS for implicit feedback."""
