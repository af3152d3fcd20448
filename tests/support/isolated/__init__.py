"""A Django project with functions that run in processes of their own."""
