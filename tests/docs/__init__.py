"""The documentation is run: snippets, commands, tables, links and names."""
