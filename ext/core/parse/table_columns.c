#include "table_columns.h"

srv_status srv_table_columns_start(srv_table_columns *out, const srv_table *table, const srv_limits *limits,
                                   srv_arena *arena, srv_error *err) {
    *out = (srv_table_columns){.count = 0};
    srv_status status = srv_table_rows_start(&out->rows, table, limits, arena, err);
    if (status != SRV_OK) {
        return status;
    }
    out->given = srv_arena_take(arena, table->names.count * sizeof *out->given);
    if (out->given == NULL) {
        return srv_fail(err, SRV_NO_MEMORY, "out of memory");
    }
    memset(out->given, 0, table->names.count * sizeof *out->given);
    return SRV_OK;
}

bool srv_table_columns_claim(srv_table_columns *columns, size_t column) {
    bool first = !columns->given[column];
    columns->given[column] = true;
    return first;
}

srv_status srv_table_columns_row(srv_table_columns *columns, size_t i, srv_error *err) {
    columns->rows.count = i;
    if (i < columns->opened) {
        columns->rows.count = i + 1;
        return SRV_OK;
    }
    srv_status status = srv_table_rows_open(&columns->rows, err);
    columns->opened = columns->rows.count;
    return status;
}

srv_status srv_table_columns_end(srv_table_columns *columns, size_t values, srv_error *err) {
    if (values == 0) {
        return srv_fail(err, SRV_WRONG_VALUE, "there are no rows");
    }
    if (columns->count > 0 && values != columns->count) {
        return srv_fail(err, SRV_WRONG_VALUE, "%zu row%s, but an input before it has %zu; they must agree", values,
                        values == 1 ? "" : "s", columns->count);
    }
    columns->count = values;
    return SRV_OK;
}

srv_status srv_table_columns_finish(srv_table_columns *columns, srv_body *out, srv_error *err) {
    for (size_t c = 0; c < columns->rows.table->names.count; c++) {
        for (size_t i = 0; !columns->given[c] && i < columns->count; i++) {
            columns->rows.count = i + 1;
            srv_status status = srv_table_put_missing(&columns->rows, c, err);
            if (status != SRV_OK) {
                return status;
            }
        }
    }
    columns->rows.count = columns->count;
    srv_table_rows_finish(&columns->rows, false, out);
    return SRV_OK;
}
