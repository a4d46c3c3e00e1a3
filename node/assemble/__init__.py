"""From instances to work orders."""
