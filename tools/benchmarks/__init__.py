"""What `scripts/benchmark.py` measures with. Not part of the installed package."""
