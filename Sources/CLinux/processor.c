// Sizes, offsets and numbers of inodes have 64 bits everywhere: where Int and off_t have 32 they would be cut without a
// word. "make check" tries this for processors of both kinds.
#if __SIZEOF_POINTER__ != 8
#error "dbxsync needs a 64-bit processor and system: it is made for x86-64 and arm64"
#endif
