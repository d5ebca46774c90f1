"""The schema registry: values that its clients framed, read (extra ``schema-registry``)."""
