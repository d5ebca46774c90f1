"""Fitted factors, and fold-in of new rows into them."""
