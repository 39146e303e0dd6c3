"""What the centre looks through: what is due and who is late, lists with search and filters, the year calendar."""
