/// Code kernels in plain C: what every machine runs, and what the other levels are measured against.
#include "codes.h"

CAIRN_ALWAYS_INLINE uint32_t term(uint8_t value, int32_t row, cairn_metric metric) {
    if (metric != CAIRN_L2) return (uint32_t)((int8_t)value * row);
    int32_t difference = (int32_t)value - row;
    return (uint32_t)(difference * difference);
}

CAIRN_ALWAYS_INLINE void code_distances(const cairn_rows *rows, code_query query, const uint32_t *ids, size_t n,
                                        float *out, cairn_metric metric, cairn_code code, int is_128) {
    size_t dimensions = is_128 ? 128 : rows->dimensions;
    for (size_t k = 0; k < n; k++) {
        const uint8_t *row = code_row_at(rows, ids[k]);
        uint32_t sum = 0;
        if (code == CAIRN_CODE_8)
            for (size_t i = 0; i < dimensions; i++) sum += term(query.values[i], row[i], metric);
        else
            for (size_t i = 0; i < dimensions; i += 128)
                for (size_t j = 0; j < 64; j++) {
                    uint8_t both = row[i / 2 + j];
                    sum += term(query.values[i + j], query.levels[both & 15], metric);
                    sum += term(query.values[i + 64 + j], query.levels[both >> 4], metric);
                }
        out[k] = code_distance(query, sum, metric);
    }
}

CODE_KERNEL(l2_8, CAIRN_L2, CAIRN_CODE_8, 0, )
CODE_KERNEL(l2_4, CAIRN_L2, CAIRN_CODE_4, 0, )
CODE_KERNEL(product_8, CAIRN_INNER_PRODUCT, CAIRN_CODE_8, 0, )
CODE_KERNEL(product_4, CAIRN_INNER_PRODUCT, CAIRN_CODE_4, 0, )

const code_table cairn_scalar_codes = { .distances = { { l2_8, l2_4 }, { product_8, product_4 } } };
