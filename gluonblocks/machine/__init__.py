"""The machine: its processors, and libraries that are compiled for it. Imports no MXNet."""
