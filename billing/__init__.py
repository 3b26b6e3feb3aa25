"""What is owed: catalog, subscriptions, rating, invoices, ledger, usage."""
