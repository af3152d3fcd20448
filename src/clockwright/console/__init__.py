"""HTML: server-rendered pages that work without JavaScript; htmx only enhances them."""
