//! The I/O of SMTP TLS Reporting (RFC 8460): the rules are [`mta_sts_core::tlsrpt`], and what reads, receives and sends
//! reports is here.
