"""How long a step of several workers takes: a model of the network, and what a network gives."""
