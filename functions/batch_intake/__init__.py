"""S3 upload -> plan -> validated rows -> SQS."""
