"""Products of trainees, how they are judged, and the catalogue of those published (regulation 2.2, 5.1)."""
