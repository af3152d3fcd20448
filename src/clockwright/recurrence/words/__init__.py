"""Rules as people say them, and back: ``from_words``, ``to_words``."""

from .sentences import from_words, looks_like_words, to_words

__all__ = ["from_words", "looks_like_words", "to_words"]
