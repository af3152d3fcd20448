"""The stand-alone product: settings, URLs, the ASGI application and the `clockwright` command."""
