/// The NEON kernels of u8 and i8 rows. neon.c includes this twice: with NAMED(name), TARGET and DOT_PRODUCT defined for
/// CPUs with and without the dot product instructions. Everything is modulo 2^32, which the totals fit in.

/// Adds the sixteen terms of two blocks of bytes to the four sums: squares of differences, which an unsigned byte
/// holds for i8 too, or products.
CAIRN_ALWAYS_INLINE TARGET uint32x4_t NAMED(add_terms)(uint32x4_t sum, uint8x16_t query, uint8x16_t row,
                                                       cairn_metric metric, cairn_scalar scalar) {
    int8x16_t signed_query = vreinterpretq_s8_u8(query), signed_row = vreinterpretq_s8_u8(row);
    if (metric == CAIRN_L2) {
        query = scalar == CAIRN_U8 ? vabdq_u8(query, row) : vreinterpretq_u8_s8(vabdq_s8(signed_query, signed_row));
        row = query;
    }
    if (metric == CAIRN_L2 || scalar == CAIRN_U8) {
#if DOT_PRODUCT
        return vdotq_u32(sum, query, row);
#else
        sum = vpadalq_u16(sum, vmull_u8(vget_low_u8(query), vget_low_u8(row)));
        return vpadalq_u16(sum, vmull_high_u8(query, row));
#endif
    }
    int32x4_t signed_sum = vreinterpretq_s32_u32(sum);
#if DOT_PRODUCT
    signed_sum = vdotq_s32(signed_sum, signed_query, signed_row);
#else
    signed_sum = vpadalq_s16(signed_sum, vmull_s8(vget_low_s8(signed_query), vget_low_s8(signed_row)));
    signed_sum = vpadalq_s16(signed_sum, vmull_high_s8(signed_query, signed_row));
#endif
    return vreinterpretq_u32_s32(signed_sum);
}

CAIRN_ALWAYS_INLINE TARGET void NAMED(integer_group)(const cairn_rows *rows, const uint8_t *query, size_t dimensions,
                                                     float query_norm, const uint32_t *ids, int count, float *out,
                                                     cairn_metric metric, cairn_scalar scalar) {
    const uint8_t *row[LARGEST_GROUP];
    uint32x4_t part[LARGEST_GROUP][2];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) {
        row[r] = (const uint8_t *)row_at(rows, ids[r]);
        part[r][0] = part[r][1] = vdupq_n_u32(0);
    }
    size_t i = 0;
    for (; i + 32 <= dimensions; i += 32)
        CAIRN_UNROLL
        for (int j = 0; j < 2; j++) {
            uint8x16_t q = vld1q_u8(query + i + 16 * j);
            CAIRN_UNROLL
            for (int r = 0; r < count; r++)
                part[r][j] = NAMED(add_terms)(part[r][j], q, vld1q_u8(row[r] + i + 16 * j), metric, scalar);
        }
    if (i + 16 <= dimensions) {
        uint8x16_t q = vld1q_u8(query + i);
        CAIRN_UNROLL
        for (int r = 0; r < count; r++)
            part[r][0] = NAMED(add_terms)(part[r][0], q, vld1q_u8(row[r] + i), metric, scalar);
        i += 16;
    }
    uint32_t totals[LARGEST_GROUP];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) totals[r] = vaddvq_u32(vaddq_u32(part[r][0], part[r][1]));
    for (; i < dimensions; i++)
        for (int r = 0; r < count; r++) {
            int32_t q = scalar == CAIRN_U8 ? (int32_t)query[i] : (int32_t)(int8_t)query[i];
            int32_t x = scalar == CAIRN_U8 ? (int32_t)row[r][i] : (int32_t)(int8_t)row[r][i];
            totals[r] += (uint32_t)(metric == CAIRN_L2 ? (q - x) * (q - x) : q * x);
        }
    for (int r = 0; r < count; r++) out[r] = integer_distance(metric, scalar, totals[r], query_norm, rows, ids[r]);
}

CAIRN_ALWAYS_INLINE TARGET void NAMED(integer_distances)(const cairn_rows *rows, const uint8_t *query,
                                                         size_t dimensions, float norm, const uint32_t *ids, size_t n,
                                                         float *out, cairn_metric metric, cairn_scalar scalar) {
    prefetch_norms(metric, rows, ids, n);
    for (; n >= 4; n -= 4, ids += 4, out += 4)
        NAMED(integer_group)(rows, query, dimensions, norm, ids, 4, out, metric, scalar);
    for (; n >= 2; n -= 2, ids += 2, out += 2)
        NAMED(integer_group)(rows, query, dimensions, norm, ids, 2, out, metric, scalar);
    if (n) NAMED(integer_group)(rows, query, dimensions, norm, ids, 1, out, metric, scalar);
}

#define INTEGER(name, metric, scalar)                                                                                  \
    TARGET static void NAMED(name)(const cairn_rows *rows, const void *query, float query_norm, const uint32_t *ids,   \
                                   size_t n, float *out) {                                                             \
        NAMED(integer_distances)(rows, query, rows->dimensions, query_norm, ids, n, out, metric, scalar);              \
    }                                                                                                                  \
    TARGET static void NAMED(name##_128)(const cairn_rows *rows, const void *query, float query_norm,                  \
                                         const uint32_t *ids, size_t n, float *out) {                                  \
        NAMED(integer_distances)(rows, query, 128, query_norm, ids, n, out, metric, scalar);                           \
    }

INTEGER(l2_u8, CAIRN_L2, CAIRN_U8)
INTEGER(l2_i8, CAIRN_L2, CAIRN_I8)
INTEGER(product_u8, CAIRN_INNER_PRODUCT, CAIRN_U8)
INTEGER(product_i8, CAIRN_INNER_PRODUCT, CAIRN_I8)
INTEGER(cosine_u8, CAIRN_COSINE, CAIRN_U8)
INTEGER(cosine_i8, CAIRN_COSINE, CAIRN_I8)
#undef INTEGER
