// libarchive, and the one thing that Swift would have to do around it: it converts names to the character set of the
// thread's locale, which is ASCII in a program that sets none.
#ifndef DBXSYNC_CARCHIVE_H
#define DBXSYNC_CARCHIVE_H

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

// UTF-8 whatever the environment says; 0 where the C library has no such locale.
static inline locale_t carchive_utf8(void) {
    return newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

// archive_read_next_header with names in the character set of `locale`; the calling thread's own comes back.
static inline int carchive_next_header(struct archive *archive, struct archive_entry **entry, locale_t locale) {
    locale_t before = uselocale(locale);
    int result = archive_read_next_header(archive, entry);
    uselocale(before);
    return result;
}

static inline int carchive_is_file(struct archive_entry *entry) {
    return archive_entry_filetype(entry) == AE_IFREG;
}

#endif
