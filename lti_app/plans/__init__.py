"""Individual plans, consultations, and how trainees rate their competences (regulation 4.2, 5.2)."""
