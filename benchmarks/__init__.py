"""Timing against peers: ``python -m benchmarks.run``."""
