"""What the console knows of the whole stack: an hour of samples, and which promises are broken."""
