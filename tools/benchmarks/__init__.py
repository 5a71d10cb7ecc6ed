"""The measurements behind `scripts/benchmark.py`. Not part of the installed package."""
