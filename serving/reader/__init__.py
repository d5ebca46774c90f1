"""What both look-ups are made of: commands, answers, and the cache of lists."""
