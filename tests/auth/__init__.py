"""Who may: credentials, and those that only look like one."""
