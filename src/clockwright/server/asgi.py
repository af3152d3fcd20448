"""The ASGI application. Whether an engine starts beside it is decided where the process is started."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clockwright.server.settings")

application = get_asgi_application()
