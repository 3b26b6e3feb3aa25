"""Bulk exports: what a document has to be like, how it is answered page by page, and where its lines are fetched."""
