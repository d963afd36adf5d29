"""What the HTTP standards say about requests for files: RFC 9110 (ranges, conditions, Accept), RFC 6266. Pure."""
