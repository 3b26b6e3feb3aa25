"""Looking at the product as a customer sees it."""
