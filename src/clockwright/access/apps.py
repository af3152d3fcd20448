"""The Django app of this room."""

from __future__ import annotations

from django.apps import AppConfig
from django.apps import apps as current
from django.apps.registry import Apps
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    """Communities, API tokens, and who may do what."""

    name = "clockwright.access"
    label = "clockwright_access"
    verbose_name = "Communities and tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """See to it that `default` is there after every migrate, and after a flush, which empties its table."""
        post_migrate.connect(_keep_default, sender=self)


def _keep_default(*, using: str, apps: Apps = current, **_: object) -> None:
    """`migrate` hands in the models as they are at that point, a flush none: then all are there."""
    from clockwright.access import store

    try:
        apps.get_model("clockwright_access", "Community")
    except LookupError:
        # another app was migrated alone, or this one backwards: the table is not there
        return
    store.keep_default(using)
