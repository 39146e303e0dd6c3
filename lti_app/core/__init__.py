"""What every feature stands on: database, clock, errors, permissions, audit, outbox."""
