"""A synthetic patient, a small archive, and the show."""
