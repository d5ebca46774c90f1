"""The routes of the API: what is asked, what is answered, what is refused."""
