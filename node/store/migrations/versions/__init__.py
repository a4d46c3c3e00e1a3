"""One file per step; the newest one names `schema.HEAD`."""
