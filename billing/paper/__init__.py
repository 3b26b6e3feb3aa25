"""Invoices, credit notes and receipts on paper: values, words, and the press that prints them."""
