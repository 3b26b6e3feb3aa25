"""The billing run: everything that is due, in chunks, as fast as the machine allows."""
