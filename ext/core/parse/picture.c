#include "picture.h"

#include "header_value.h"

#include <string.h>
#include <strings.h>

bool srv_is_picture_type(const char *media_type, size_t size) {
    return size > 6 && strncasecmp(media_type, "image/", 6) == 0;
}

bool srv_is_picture_name(const char *filename, size_t size) {
    static const char *const extensions[] = {"png", "jpg",  "jpeg", "gif", "bmp", "webp",
                                             "tif", "tiff", "ppm",  "pgm", "jp2"};
    size_t dot = size;
    while (dot > 0 && filename[dot - 1] != '.') {
        dot--;
    }
    for (size_t i = 0; dot > 0 && i < sizeof extensions / sizeof *extensions; i++) {
        if (srv_same_word(filename + dot, size - dot, extensions[i])) {
            return true;
        }
    }
    return false;
}

bool srv_is_picture(const char *bytes, size_t size) {
    static const struct {
        size_t offset, size;
        const char *bytes;
    } signatures[] = {
        {0, 8, "\x89PNG\r\n\x1A\n"},
        {0, 3, "\xFF\xD8\xFF"},
        {0, 6, "GIF87a"},
        {0, 6, "GIF89a"},
        {8, 4, "WEBP"},
        {0, 4, "II*\0"},
        {0, 4, "MM\0*"},
        {0, 8, "\0\0\0\x0CjP  "},
        {0, 4, "\xFF\x4F\xFF\x51"},
    };
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        size_t offset = signatures[i].offset;
        if (size >= offset + signatures[i].size &&
            memcmp(bytes + offset, signatures[i].bytes, signatures[i].size) == 0) {
            return true;
        }
    }
    /* "BM" alone may begin a table's header ("BMI,age"): the reserved zeros of a BMP tell. */
    return size >= 10 && memcmp(bytes, "BM", 2) == 0 && memcmp(bytes + 6, "\0\0\0\0", 4) == 0;
}
