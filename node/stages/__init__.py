"""One step of the line per module; values in, values out."""
