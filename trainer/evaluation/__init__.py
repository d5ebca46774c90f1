"""Offline quality of lists, beside baselines."""
