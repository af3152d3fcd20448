"""The commands in the documentation that no test runs, each with its reason. This list may only shrink."""

NOT_RUN = {
    "make run": "starts the product and stays; tests/acceptance runs it",
    "make setup": "made the environment that runs this test",
    "source .venv/bin/activate": "is in force already",
    "make test": "is what runs this test",
    "clockwright serve": "stays; the test starts a server of its own for pages that talk to one",
    "clockwright worker": "stays, as an engine does; tests/acceptance runs several",
    "celery -A": "stays, as a worker does; tests/docs/test_growing.py runs one",
    "python manage.py": "is in a project of the reader's; tests/docs/test_growing.py runs them",
    "python -m django": "moves a database of the reader's; tests/docs/test_growing.py moves one",
    "pip install": "the environment of the tests has everything",
    "createdb": "needs a PostgreSQL of the reader's",
    "createuser": "likewise",
    "export DATABASE_URL=postgresql": "likewise",
}
