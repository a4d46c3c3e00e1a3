"""Facts of the Standard: reading and writing data sets, no network."""
