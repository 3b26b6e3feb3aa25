"""Break-glass: the way in that an owner keeps when a workspace's own sign-in is the only one, and is away."""
