"""Metrics and health of a process, over HTTP: `/metrics`, `/healthz`, `/readyz`."""
