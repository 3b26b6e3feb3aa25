"""Tests of what is owed."""
