"""Letters: what we tell people by mail. An event makes rows, and the worker posts them."""
