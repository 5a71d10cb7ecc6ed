"""A trained net -> files that others run, each verified."""
