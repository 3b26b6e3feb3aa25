"""Links with which somebody who is no member sets up one thing."""
