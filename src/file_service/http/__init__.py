"""What HTTP standards say about requests for files: RFC 9110 and RFC 6266. Pure."""
