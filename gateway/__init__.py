"""The doors: HTTP, worker, command line."""
