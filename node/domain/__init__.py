"""What radnode talks about: values only, built on the standard library and numpy."""
