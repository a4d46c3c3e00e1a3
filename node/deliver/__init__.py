"""From results to the destinations."""
