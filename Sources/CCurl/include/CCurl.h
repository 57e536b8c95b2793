// libcurl, and what Swift cannot call of it: curl_easy_setopt, curl_easy_getinfo and curl_multi_setopt are variadic, so
// each type of argument gets a function of its own here. The rest of libcurl is used as it is.
#ifndef DBXSYNC_CCURL_H
#define DBXSYNC_CCURL_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

typedef size_t (*ccurl_data_callback)(char *data, size_t size, size_t count, void *context);

typedef int (*ccurl_seek_callback)(void *context, int64_t offset, int origin);

static inline CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_size(CURL *easy, CURLoption option, int64_t value) {
    return curl_easy_setopt(easy, option, (curl_off_t)value);
}

// libcurl copies the text, except for CURLOPT_POSTFIELDS.
static inline CURLcode ccurl_set_text(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_data_callback(CURL *easy, CURLoption option, ccurl_data_callback value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_seek_callback(CURL *easy, ccurl_seek_callback value) {
    return curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, (curl_seek_callback)value);
}

// Copies `length` bytes as the request's body; the length has to be set first (CURLOPT_COPYPOSTFIELDS(3)).
static inline CURLcode ccurl_set_body(CURL *easy, const void *bytes, int64_t length) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    if (code != CURLE_OK) return code;
    return curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, (const char *)bytes);
}

// Only http and https, whatever a URL says. CURLOPT_PROTOCOLS_STR came with 7.85.0, which deprecates CURLOPT_PROTOCOLS.
static inline CURLcode ccurl_restrict_protocols(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

// Lets a handle go while its name is still being looked up, instead of waiting for the look-up's thread.
//
// CURLOPT_QUICK_EXIT came with 7.87.0 (Debian 12 has 7.88.1, Ubuntu 24.04 8.5.0). Older ones (Ubuntu 22.04: 7.81.0) wait
// for the resolver's own timeout, some seconds, when such a request is cancelled. A library older than these headers
// refuses the option, which is the same.
static inline void ccurl_leave_lookups_behind(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#else
    (void)easy;
#endif
}

// Certificates are always checked, with TLS 1.2 at least, the server's and that of an https proxy alike.
static inline CURLcode ccurl_check_certificates(CURL *easy) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
    return code;
}

// Trusts this PEM bundle and nothing else: the directory that libcurl was built with is left out.
static inline CURLcode ccurl_trust_only(CURL *easy, const char *bundle) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, bundle);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    return code;
}

// HTTP/2 where the server offers it over TLS, HTTP/1.1 elsewhere.
/* Not set, libcurl offers HTTP/2 with TLS since 7.62. */
static inline CURLcode ccurl_insist_on_http1(CURL *easy) {
    return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static inline CURLcode ccurl_offer_http2(CURL *easy) {
    return curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
}

static inline long ccurl_get_long(CURL *easy, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static inline int64_t ccurl_get_size(CURL *easy, CURLINFO info) {
    curl_off_t value = 0;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? (int64_t)value : -1;
}

static inline CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

// The next transfer that has ended, or NULL. CURLMsg holds its result in a union.
static inline CURL *ccurl_multi_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    }
    return NULL;
}

// curl_global_init with everything that CURL_GLOBAL_DEFAULT (a macro with a shift, invisible to Swift) names.
static inline CURLcode ccurl_global_start(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT);
}

#endif
