"""Single sign-on: a workspace's own identity provider says who its people are."""
