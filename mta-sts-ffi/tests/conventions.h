/*
 * libmtasts: MTA-STS (RFC 8461) for mail servers. It makes the decisions; you do DNS, HTTPS, SMTP and TLS.
 *
 * This file is generated from the library. The conventions, for every function:
 *
 * Objects. Every struct is opaque, except mtasts_bytes. A function that returns an object, as its result or through a
 * parameter "mtasts_thing **thing", transfers ownership to the caller, who frees it with mtasts_thing_free(); passing NULL
 * there is fine. A returned "const" object is owned by the object that it was taken from, and so is a "const char *": it is
 * NUL-terminated, and valid until that object is freed. Arguments remain the caller's, and are not kept.
 *
 * Results. A function that can fail returns a mtasts_status: MTASTS_OK is 0. Its results are only written on success.
 * The previous value of the variable is overwritten, not freed: free an object before you reuse its variable.
 * A last parameter "mtasts_error **error" may be NULL; on failure only, it is set to an object with details, which you
 * free with mtasts_error_free(). If you initialise such variables with NULL, you can free them in any case. Getters cannot
 * fail: each describes its result for NULL. Predicates return 1 or 0.
 *
 * Inputs. Octets from the network are a pointer and a length; the pointer may be NULL when the length is 0. Names are
 * NUL-terminated, in UTF-8. NULL anywhere else is MTASTS_ERR_NULL, never a crash. Times are seconds since
 * 1970-01-01T00:00:00Z: the library does not read the clock.
 *
 * Numbers. Codes are fixed-width integers and never enum types; each group has a name, such as mtasts_mode for the
 * MTASTS_MODE_ numbers. New numbers, and new codes of mtasts_status_code(), may be added: expect unknown ones, and if one
 * would decide about mail, keep the mail in the queue.
 *
 * Threads. An object passed as "const" may be used by many threads at once; any other by one at a time. mtasts_cache
 * locks internally. The library has no global state, starts no threads, has no callbacks and handles no signals.
 *
 * fork(). After the fork of a single-threaded process, the child may use every object, each process having its own copy.
 * After the fork of a multi-threaded process, the child may only use objects that no other thread could have been using;
 * a mtasts_cache that threads share is not one of them: create a new one.
 *
 * Bugs. A panic in the library results in MTASTS_ERR_PANIC (and a line on standard error); the object that was being
 * changed is poisoned and can only be freed: MTASTS_ERR_POISONED. If memory runs out, the process is aborted.
 */
