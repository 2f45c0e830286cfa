/* Cache entries in a directory that many processes share: one file a domain, replaced whole. */
#ifndef EXIM_MTASTS_STORE_H
#define EXIM_MTASTS_STORE_H

#include <stddef.h>

/* The text of the entry of a domain, from malloc; NULL if there is none, or if it cannot be read. */
char *store_read(const char *directory, const char *domain, size_t *len);

/* Replaces the text, or removes it if `text` is NULL. 0, or the errno: then the old one still stands. */
int store_write(const char *directory, const char *domain, const char *text, size_t len);

/* Waits until nobody else asks for this domain, `timeout_ms` at most. A descriptor to hand to store_unlock, or -1. */
int store_lock(const char *directory, const char *domain, int timeout_ms);
void store_unlock(int lock);

#endif
