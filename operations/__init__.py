"""What operators ask and decide: the functions behind commands and HTTP routes."""
