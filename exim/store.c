#define _GNU_SOURCE
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A policy of 65,536 octets, and what stands around it. */
#define MAX_ENTRY_LEN 200000

/* A domain is a file name as it stands: lower case, no slash, no dot in front, shorter than 255. */
static int path_of(char *path, const char *directory, const char *domain)
{
    int len = snprintf(path, PATH_MAX, "%s/%s", directory, domain);
    return len > 0 && len < PATH_MAX && domain[0] != '.' && domain[0] != '\0' && strchr(domain, '/') == NULL;
}

char *store_read(const char *directory, const char *domain, size_t *len)
{
    char path[PATH_MAX], *text = NULL;
    struct stat about;
    ssize_t got = -1;
    int file;
    if (!path_of(path, directory, domain) || (file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
        return NULL;
    if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= MAX_ENTRY_LEN
        && (text = malloc((size_t)about.st_size + 1)) != NULL)
        got = read(file, text, (size_t)about.st_size);
    close(file);
    if (got < 0) {
        free(text);
        return NULL;
    }
    *len = (size_t)got;
    return text;
}

/* With fsync before the rename: after a crash the old text stands or the new one, never a part. */
int store_write(const char *directory, const char *domain, const char *text, size_t len)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    int file, error = 0;
    if (!path_of(path, directory, domain))
        return ENAMETOOLONG;
    if (text == NULL)
        return unlink(path) == 0 || errno == ENOENT ? 0 : errno;
    if (snprintf(temporary, sizeof temporary, "%s/.new.XXXXXX", directory) >= (int)sizeof temporary)
        return ENAMETOOLONG;
    if ((file = mkostemp(temporary, O_CLOEXEC)) < 0)
        return errno;
    for (size_t wrote = 0; wrote < len && error == 0;) {
        ssize_t part = write(file, text + wrote, len - wrote);
        if (part < 0 && errno != EINTR)
            error = errno;
        else if (part > 0)
            wrote += (size_t)part;
    }
    /* Root may route too (exim -bt), and what it writes is for Exim's own user to read. */
    if (error == 0 && (fchmod(file, 0644) != 0 || fsync(file) != 0))
        error = errno;
    if (close(file) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(temporary, path) != 0)
        error = errno;
    if (error != 0)
        unlink(temporary);
    return error;
}

/* Few locks for all domains: a file each would stay for ever, and to remove one is to race. */
static unsigned lock_number(const char *domain)
{
    uint32_t hash = 2166136261u;
    for (; *domain != '\0'; domain++)
        hash = (hash ^ (uint8_t)*domain) * 16777619u;
    return hash % 256;
}

int store_lock(const char *directory, const char *domain, int timeout_ms)
{
    char path[PATH_MAX];
    struct timespec pause = { 0, 50 * 1000 * 1000 };
    int lock;
    if (snprintf(path, sizeof path, "%s/.lock.%02x", directory, lock_number(domain)) >= (int)sizeof path)
        return -1;
    /* Read-only, so that a file that root made serves Exim's user too. The kernel unlocks what dies. */
    lock = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (lock < 0)
        return -1;
    /* Whatever the umask of the first. Who did not make it may not, and need not, change it. */
    (void)!fchmod(lock, 0644);
    for (int waited = 0; flock(lock, LOCK_EX | LOCK_NB) != 0; waited += 50) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= timeout_ms) {
            close(lock);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return lock;
}

void store_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}
