"""A Django project whose runs go to Celery: what the worker processes of the tests have installed."""
