"""What was moved: the only package that speaks to the payment rail."""
