//! The I/O around `mta-sts-core`: DNS, HTTPS, SMTP.
#![forbid(unsafe_code)]
