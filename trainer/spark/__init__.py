"""The same fit on a Spark cluster (extra ``spark``)."""
