"""Who holds licenses: pools, assignments, invitations, provisioning."""
