"""Routes for operators: what the commands do, over HTTP."""
