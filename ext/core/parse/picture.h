/* Telling encoded pictures from text, by what comes with them and by their first bytes.  Decoding is someone else's. */
#ifndef SRV_PARSE_PICTURE_H
#define SRV_PARSE_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

bool srv_is_picture_type(const char *media_type, size_t size); /* image/…; parameters may follow */
bool srv_is_picture_name(const char *filename, size_t size);   /* by extension: .png, .jpg, … */

/* By signature: PNG, JPEG, GIF, BMP, WebP, TIFF, JPEG 2000.  (PNM's is "P5", which a table may begin with, too.) */
bool srv_is_picture(const char *bytes, size_t size);

#endif
