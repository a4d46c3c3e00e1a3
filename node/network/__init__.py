"""The only home of pynetdicom."""
