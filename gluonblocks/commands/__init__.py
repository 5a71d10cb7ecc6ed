"""Command-line interfaces: arguments and printed text, without the logic of the commands."""
