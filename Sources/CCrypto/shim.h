// libcrypto's EVP digests: SHA-256 with the processor's own instructions, patched by the distribution.
#include <openssl/evp.h>
