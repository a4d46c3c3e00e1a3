"""How the shipped tabular models are made (extra `train`)."""
