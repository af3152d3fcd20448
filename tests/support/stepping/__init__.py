"""A Django project whose function writes down what it did, and kills its process where a plan says so."""
