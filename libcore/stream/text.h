/* text.h - the rules of header text, shared by record.c and header.c; private to this folder. */
#ifndef GN_STREAM_TEXT_H
#define GN_STREAM_TEXT_H

#include "stream/record.h"

bool gn_key_valid(const char *key, size_t n);
/* Not empty, UTF-8, no control characters (C0, DEL, C1) but newlines. */
bool gn_value_valid(const char *value, size_t n);
/* Append a field; key and value become the record's. */
void gn_record_push(struct gn_record *r, char *key, char *value);

#endif
