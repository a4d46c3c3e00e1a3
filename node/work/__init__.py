"""From work orders to results."""
