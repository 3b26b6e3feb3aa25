"""Directories: the lists of people that workspaces keep elsewhere, and that keep us in step over SCIM."""
