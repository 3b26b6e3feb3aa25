"""Programs that others wrote: where they come from, and how one is started beside a test.

npm, pypi    installed once for each lock file, into a folder of this machine beside the project
running      one of them in a process of its own, for as long as it is needed
"""
