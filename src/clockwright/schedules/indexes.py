"""Indexes whose names were promised before Django's limit was known. Migrations import this module: keep its names."""

from __future__ import annotations

from django.db import models


class DocumentedIndex(models.Index):
    """An index with a name of up to 63 characters, which is what PostgreSQL takes; Django's own limit is Oracle's 30."""

    max_name_length = 63
