/// The NEON kernels of code rows. codes_neon.c includes this twice: with NAMED(name), TARGET and DOT_PRODUCT defined
/// for CPUs with and without the dot product instructions. Everything is modulo 2^32, which the totals fit in.

CAIRN_ALWAYS_INLINE TARGET int32x4_t NAMED(add_signed_products)(int32x4_t sum, int8x16_t a, int8x16_t b) {
#if DOT_PRODUCT
    return vdotq_s32(sum, a, b);
#else
    sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    return vpadalq_s16(sum, vmull_high_s8(a, b));
#endif
}

/// Adds the terms of sixteen dimensions; `row` are codes or levels. There is no instruction for unsigned times signed
/// bytes: 8-bit codes are moved by 128, which `start` of code_distances makes up for.
CAIRN_ALWAYS_INLINE TARGET uint32x4_t NAMED(add_terms)(uint32x4_t sum, uint8x16_t query, uint8x16_t row,
                                                       cairn_metric metric, cairn_code code) {
    if (metric != CAIRN_L2) {
        if (code == CAIRN_CODE_8) row = veorq_u8(row, vdupq_n_u8(0x80));
        return vreinterpretq_u32_s32(NAMED(add_signed_products)(vreinterpretq_s32_u32(sum), vreinterpretq_s8_u8(row),
                                                                vreinterpretq_s8_u8(query)));
    }
    uint8x16_t difference = vabdq_u8(query, row);
#if DOT_PRODUCT
    return vdotq_u32(sum, difference, difference);
#else
    sum = vpadalq_u16(sum, vmull_u8(vget_low_u8(difference), vget_low_u8(difference)));
    return vpadalq_u16(sum, vmull_high_u8(difference, difference));
#endif
}

CAIRN_ALWAYS_INLINE TARGET void NAMED(code_group)(const cairn_rows *rows, code_query query, size_t dimensions,
                                                  uint32x4_t start, const uint32_t *ids, int count, float *out,
                                                  cairn_metric metric, cairn_code code) {
    const uint8_t *row[LARGEST_GROUP];
    uint32x4_t part[LARGEST_GROUP][2];
    CAIRN_UNROLL
    for (int r = 0; r < count; r++) {
        row[r] = code_row_at(rows, ids[r]);
        part[r][0] = start;
        part[r][1] = vdupq_n_u32(0);
    }
    if (code == CAIRN_CODE_8) {
        for (size_t i = 0; i < dimensions; i += 32)
            CAIRN_UNROLL
            for (int j = 0; j < 2; j++) {
                uint8x16_t q = vld1q_u8(query.values + i + 16 * j);
                CAIRN_UNROLL
                for (int r = 0; r < count; r++)
                    part[r][j] = NAMED(add_terms)(part[r][j], q, vld1q_u8(row[r] + i + 16 * j), metric, code);
            }
    } else {
        uint8x16_t levels = vld1q_u8(query.levels);
        for (size_t i = 0; i < dimensions; i += 128)
            for (size_t j = 0; j < 64; j += 16) {
                uint8x16_t low = vld1q_u8(query.values + i + j), high = vld1q_u8(query.values + i + 64 + j);
                CAIRN_UNROLL
                for (int r = 0; r < count; r++) {
                    uint8x16_t codes = vld1q_u8(row[r] + i / 2 + j);
                    uint8x16_t x = vqtbl1q_u8(levels, vandq_u8(codes, vdupq_n_u8(15)));
                    uint8x16_t y = vqtbl1q_u8(levels, vshrq_n_u8(codes, 4));
                    part[r][0] = NAMED(add_terms)(part[r][0], low, x, metric, code);
                    part[r][1] = NAMED(add_terms)(part[r][1], high, y, metric, code);
                }
            }
    }
    CAIRN_UNROLL
    for (int r = 0; r < count; r++)
        out[r] = code_distance(query, vaddvq_u32(vaddq_u32(part[r][0], part[r][1])), metric);
}

CAIRN_ALWAYS_INLINE TARGET void NAMED(code_distances)(const cairn_rows *rows, code_query query, size_t dimensions,
                                                      const uint32_t *ids, size_t n, float *out, cairn_metric metric,
                                                      cairn_code code) {
    uint32x4_t start = vdupq_n_u32(0);
    if (metric != CAIRN_L2 && code == CAIRN_CODE_8) {
        int32x4_t moved = vdupq_n_s32(0);
        for (size_t i = 0; i < dimensions; i += 16)
            moved = NAMED(add_signed_products)(moved, vreinterpretq_s8_u8(vld1q_u8(query.values + i)), vdupq_n_s8(64));
        start = vreinterpretq_u32_s32(vshlq_n_s32(moved, 1));
    }
    for (; n >= 4; n -= 4, ids += 4, out += 4)
        NAMED(code_group)(rows, query, dimensions, start, ids, 4, out, metric, code);
    for (; n >= 2; n -= 2, ids += 2, out += 2)
        NAMED(code_group)(rows, query, dimensions, start, ids, 2, out, metric, code);
    if (n) NAMED(code_group)(rows, query, dimensions, start, ids, 1, out, metric, code);
}

#define CODES(name, metric, code)                                                                                      \
    TARGET static void NAMED(name)(const cairn_rows *rows, const void *query, float query_norm, const uint32_t *ids,   \
                                   size_t n, float *out) {                                                             \
        (void)query_norm;                                                                                              \
        NAMED(code_distances)(rows, code_query_at(query), rows->dimensions, ids, n, out, metric, code);                \
    }                                                                                                                  \
    TARGET static void NAMED(name##_128)(const cairn_rows *rows, const void *query, float query_norm,                  \
                                         const uint32_t *ids, size_t n, float *out) {                                  \
        (void)query_norm;                                                                                              \
        NAMED(code_distances)(rows, code_query_at(query), 128, ids, n, out, metric, code);                             \
    }

CODES(l2_8, CAIRN_L2, CAIRN_CODE_8)
CODES(l2_4, CAIRN_L2, CAIRN_CODE_4)
CODES(product_8, CAIRN_INNER_PRODUCT, CAIRN_CODE_8)
CODES(product_4, CAIRN_INNER_PRODUCT, CAIRN_CODE_4)
#undef CODES
