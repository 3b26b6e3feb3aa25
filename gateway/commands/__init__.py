"""The commands, a module for each thing they are about.

What a command needs is imported when it is run: `--help` has none of it, and no
command waits for what another one needs.
"""
