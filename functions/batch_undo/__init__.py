"""ReportQueue -> the result files in the client's `outbound/` folder."""
