"""The tasks of this app; found when Django starts."""

from datetime import timedelta

from django.tasks import task

from clockwright.contrib.django_tasks import periodic


@task
def send(to):
    """Enqueued by whoever has a letter: `send.enqueue("ada")`."""
    return f"sent to {to}"


@periodic(every=timedelta(seconds=2))
@task
def sort_the_mail():
    """On a schedule, which Django's tasks know nothing of."""
    return "sorted"
