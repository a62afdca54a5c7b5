"""Which model version answers, and what is seen of it.  Knows nothing of Flask."""
