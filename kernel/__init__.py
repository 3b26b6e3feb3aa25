"""The words we share: money, time, ids, errors, work, events, audit, database."""
