"""Several processes and machines that train one net: what they exchange, how they start and end."""
