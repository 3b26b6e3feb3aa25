"""Who may: people, workspaces, roles, tokens."""
