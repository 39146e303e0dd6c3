"""Papers that the centre, a site and the council print and sign: fields, declined wordings, DOCX and PDF."""
