"""From the association to the ledger."""
