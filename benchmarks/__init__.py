"""Measured figures: `python -m benchmarks NAME [--quick] [--json]`."""
