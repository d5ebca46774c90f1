"""The HTTP API: lists with filters, what-if lists, and events in (extra `serve`)."""
