/*
 * libmtasts: MTA-STS (RFC 8461) for mail servers. It decides; you do DNS, HTTPS, SMTP and TLS.
 *
 * This file is generated from the library. The conventions, for every function:
 *
 * Objects. Every struct is opaque, mtasts_bytes excepted. A function that gives an object makes it the caller's,
 * through a parameter "mtasts_thing **thing"; mtasts_thing_free() ends it, and NULL is fine there. A "const" object
 * that comes back as a result belongs to the object that it was taken from, and so does a "const char *": it is
 * NUL-terminated, and lives until that object is freed. What is passed in stays the caller's, and is not kept.
 *
 * Results. A function that can fail returns a mtasts_status: MTASTS_OK is 0. Its results are written on success alone.
 * What the variable held before is overwritten, not freed: free an object before its variable is used again.
 * Its last parameter "mtasts_error **error", where it has one, may be NULL; on failure alone it becomes an object that
 * tells more, and that mtasts_error_free() ends. Initialise what you pass the address of with NULL, and you may free it
 * either way. Getters cannot fail: each says what it gives for NULL. Predicates give 1 or 0.
 *
 * Inputs. Octets from the network are a pointer and a length; the pointer may be NULL when the length is 0. Names are
 * NUL-terminated, in UTF-8. NULL anywhere else is MTASTS_ERR_NULL, never a crash. Times are seconds since
 * 1970-01-01T00:00:00Z: the library reads no clock.
 *
 * Numbers. Codes are fixed-width integers and never enum types; each group has a name, as mtasts_mode for the
 * MTASTS_MODE_ numbers. Their numbers, and the words of mtasts_status_code(), are only ever appended to: expect such as
 * you do not know, and where one would decide about mail, keep the mail.
 *
 * Threads. An object passed as "const" may be used by many threads at once; any other by one at a time. mtasts_cache
 * locks inside. The library has no global state, starts no thread, calls nobody back and handles no signal.
 *
 * fork(). In a process with one thread, the child may go on with every object, each process with its own copy. In a
 * process with several, the child may use only objects that no other thread could have been using at the fork; a
 * mtasts_cache that threads share is not one of them: make a new one.
 *
 * Bugs. A panic within the library becomes MTASTS_ERR_PANIC (and a line on standard error); the object that was being
 * changed is poisoned and can only be freed: MTASTS_ERR_POISONED. When memory runs out, the process is aborted.
 */
