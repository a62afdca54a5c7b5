/* The datatypes of the Open Inference Protocol that numbers come in, and how each becomes what the model reads: float32
 * for a tensor, float64 for a column of a table.
 *
 * Fractions are rounded to the nearest such number, whole numbers are taken only if they are one: an id or a count that
 * changed on its way would be answered as another.
 */
#ifndef SRV_PARSE_OPENINFERENCE_DATATYPE_H
#define SRV_PARSE_OPENINFERENCE_DATATYPE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum srv_datatype_kind {
    SRV_DATATYPE_FLOAT,
    SRV_DATATYPE_WHOLE,
    SRV_DATATYPE_BOOL,
    SRV_DATATYPE_BYTES
} srv_datatype_kind;

typedef struct srv_datatype {
    const char *name;
    srv_datatype_kind kind;
    size_t size;      /* bytes of a value in a binary tensor; 0: BYTES */
    double low, high; /* WHOLE: the numbers it holds */
    /* Values of a binary tensor, little-endian and packed, as float32.  Returns the index of the first that has none
     * (too large, not exact, or no boolean), or count. */
    size_t (*convert)(const char *bytes, size_t count, float *out);
} srv_datatype;

/* The datatype of that name, or NULL. */
const srv_datatype *srv_find_datatype(const char *name, size_t size);

/* One value of a binary tensor, not of BYTES, as float64.  False: it has none (not exact, or no boolean). */
bool srv_datatype_read(const srv_datatype *type, const char *bytes, double *out);

/* Is this number, read from JSON, one of WHOLE or BOOL? */
bool srv_datatype_holds(const srv_datatype *type, double value);

#endif
