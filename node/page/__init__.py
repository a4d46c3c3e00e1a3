"""The one-page report: what stands on it, how it is fitted onto one page, drawn (reportlab) and rastered (pdfium)."""
