"""What operators ask the node."""
