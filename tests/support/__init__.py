"""Servers, browsers and reports that tests use. Nothing here is a test."""
