// toml++ behind C: a document as a flat list of values, each with the place where it stands.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctoml_document ctoml_document;

typedef enum ctoml_kind {
    CTOML_TABLE,
    CTOML_ARRAY,
    CTOML_STRING,
    CTOML_INTEGER,
    CTOML_FLOAT,
    CTOML_BOOLEAN,
    CTOML_DATE_OR_TIME,
} ctoml_kind;

/// A run of UTF-8 bytes that may hold NUL; valid as long as the document.
typedef struct ctoml_text {
    const char *bytes;
    size_t count;
} ctoml_text;

/// Lines and columns count from 1; 0 means unknown.
typedef struct ctoml_place {
    uint32_t line;
    uint32_t column;
} ctoml_place;

typedef struct ctoml_node {
    ctoml_kind kind;
    /// Index of the table or array that holds this value; the root, at index 0, names itself.
    size_t parent;
    /// Name in the parent table; empty for the elements of an array and for the root.
    ctoml_text key;
    ctoml_place key_place;
    ctoml_place value_place;
    ctoml_text string;
    int64_t integer;
    double floating;
    bool boolean;
} ctoml_node;

/// Reads a document. Null only when memory is short or the library threw. Free it with ctoml_free.
ctoml_document *ctoml_parse(const char *bytes, size_t count);

void ctoml_free(ctoml_document *document);

/// True when the text is not TOML: then there is one message with its place, and no values.
bool ctoml_failed(const ctoml_document *document, ctoml_text *message, ctoml_place *place);

/// Number of values, the root table included; parents come before their children.
size_t ctoml_count(const ctoml_document *document);

/// The value at an index below ctoml_count.
ctoml_node ctoml_at(const ctoml_document *document, size_t index);

#ifdef __cplusplus
}
#endif
