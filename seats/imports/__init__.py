"""Seat imports: long lists of people that are looked at first, and seated in the background."""
