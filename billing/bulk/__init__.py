"""Bulk exports: a list of the graph that is taken home whole."""
